"""A defect as it was measured, planted into a periodic cell of perfect graphene.

The lattice is fitted to the hexagons around the defect; atoms that sit on its sites keep their
measured displacement near the defect and give way to the sites themselves farther out, so that
the cell closes whatever the noise. Rotation, scale and distortion of the scan are taken out by
the way: the cell is graphene's own, strained only as far as its Bravais lattice asks for.

A dislocation or a grain boundary has no such cell: it needs a second, opposite one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from shared.errors import StructureError
from shared.lattice import find_bonds, find_rings
from shared.units import GRAPHENE_LATTICE_A
from sim_dispatcher.structure.border import check_border
from sim_dispatcher.structure.box import DECIMALS
from sim_dispatcher.structure.checks import check_atoms, check_structure
from sim_dispatcher.structure.cluster import Cluster
from sim_dispatcher.structure.detected import DetectedAtoms
from sim_dispatcher.structure.doubts import doubt_notes
from sim_dispatcher.structure.lattice_fit import Honeycomb, fit_honeycomb
from sim_dispatcher.structure.merging import crowded_notes, merged
from sim_dispatcher.structure.rules import CutRules
from sim_dispatcher.structure.scale import check_scale, measure_scale
from sim_dispatcher.structure.seed import seed_heights
from sim_dispatcher.structure.spin import unpaired_electrons
from sim_dispatcher.structure.supercell import (
    IDEAL_A,
    MOST_STRAIN,
    OFF_LATTICE,
    Bravais,
    Supercell,
    choose_supercell,
)

__all__ = ["periodic_cell"]

Array: TypeAlias = NDArray[np.float64]

VACUUM_A: Final = 20.0
"""Length of the third vector: distance between a sheet and its image, Å."""

MATCH_A: Final = 0.6
"""An atom belongs to a site closer than this, Å; sites are 1.42 Å apart."""

SEAM_A: Final = 1.5
"""Perfect sheet on either side of the cell's border, Å: a defect must not touch its image."""

HALO_A: Final = 3.0
"""Measured displacements are kept up to this far beyond the defect's core, Å."""


@dataclass(frozen=True, eq=False)
class _Planting:
    """What of the measured atoms goes where in the ideal sheet.

    Attributes:
        sites: (m, 2) lattice sites of one supercell about the centre, in lattice units.
        owner: (m,) measured atom on each site, -1 = nobody.
        loose: Measured atoms that belong to no site.
        away_A: (m,) ideal distance of each site from the centre, Å.
    """

    sites: Array
    owner: NDArray[np.intp]
    loose: NDArray[np.intp]
    away_A: Array


def periodic_cell(
    atoms: DetectedAtoms,
    centre_A: tuple[float, float],
    edge_A: float = 20.0,
    lattice: Bravais = "rectangular",
    rules: CutRules | None = None,
) -> Cluster:
    """Plant a measured defect into a periodic cell.

    Args:
        atoms: All listed atoms of the frame, calibrated; faint ones included.
        centre_A: x = column, y = row of the defect in the frame, Å.
        edge_A: Distance between opposite sides of the cell, at least, Å.
        lattice: One of the plane's five Bravais lattices; vacuum lies along the third vector.
        rules: Thresholds of detection.

    Returns:
        A cluster with `lattice_A`; the first vector lies along x. Its notes state strain, and
        scale, distortion and rotation that were taken out. `source` leads back to measured
        atoms, -1 for the sites filled here; `origin_A` leads the defect back to its place.

    Raises:
        StructureError: No lattice can be fitted, the defect does not fit into the cell, another
            defect is in it, or its strain is more than 2 %.
    """
    rules = rules or CutRules()
    cell = choose_supercell(lattice, edge_A)
    if cell.strain > MOST_STRAIN:
        raise StructureError(
            f"A {lattice} cell {edge_A:.0f} Å wide strains graphene by {cell.strain:.1%}.",
            remedy="Ask for another size, or for a rectangular or hexagonal cell.",
        )
    check_border(centre_A, atoms.bounds_A)
    doubts = doubt_notes(atoms, centre_A, rules)
    reach = _reach(cell)
    heavy, source, honeycomb, notes = _surroundings(atoms, centre_A, reach, rules)
    planting = _planted(heavy, centre_A, honeycomb, cell)
    core_A = _core(heavy, planting, centre_A, reach + SEAM_A)
    if core_A > reach:
        raise StructureError(
            f"The defect, or another one, reaches {core_A:.1f} Å from the centre; a cell"
            f" {edge_A:.0f} Å wide has room for {reach:.1f} Å.",
            remedy=f"Ask for a cell {edge_A + 2 * (core_A - reach) + 1:.0f} Å wide, if the frame"
            " shows so much sheet around it.",
        )
    found = _filled(heavy, source, planting, honeycomb, cell, (centre_A, core_A + HALO_A))
    return found.noted(*doubts, *notes, *_told(honeycomb, cell))


def _reach(cell: Supercell) -> float:
    """Return how far from the centre a cell has room for a defect, Å."""
    area = abs(float(np.linalg.det(cell.vectors_A)))
    return area / float(np.linalg.norm(cell.vectors_A, axis=1).max()) / 2 - SEAM_A


def _surroundings(
    atoms: DetectedAtoms, centre_A: tuple[float, float], reach_A: float, rules: CutRules
) -> tuple[DetectedAtoms, NDArray[np.intp], Honeycomb, tuple[str, ...]]:
    """Return the atoms about a place, where they were listed, and the lattice they are part of."""
    away = np.hypot(*(atoms.positions_A - np.asarray(centre_A)).T)
    near = np.flatnonzero((away <= reach_A + 2 * HALO_A) & (atoms.p >= rules.present_p))
    around, origin = merged(atoms.take(near), rules.merged_A)
    check_atoms(around.symbols, around.positions_A)
    notes = crowded_notes(around, rules)
    graph = find_bonds(around.positions_A, around.symbols)
    rings = find_rings(graph)
    scale = measure_scale(around.positions_A, around.symbols, graph, rings)
    check_scale(scale)
    return around, near[list(origin)], fit_honeycomb(rings), notes


def _planted(
    heavy: DetectedAtoms, centre_A: tuple[float, float], honeycomb: Honeycomb, cell: Supercell
) -> _Planting:
    """Match measured atoms with the sites of one supercell about the centre."""
    middle = honeycomb.places(np.asarray(centre_A, dtype=np.float64)[None])[0]
    most = int(np.abs(cell.matrix).sum()) + 2
    steps = np.arange(-most, most + 1)
    cells = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2) + np.round(middle)
    sites = honeycomb.sites(cells.astype(np.int64))
    places = honeycomb.places(heavy.positions_A)
    gaps, nearest = cKDTree(sites @ IDEAL_A).query(places @ IDEAL_A)
    owner = np.full(len(sites), -1)
    for atom in np.argsort(gaps, kind="stable").tolist():
        if gaps[atom] < MATCH_A and owner[nearest[atom]] < 0:
            owner[nearest[atom]] = atom
    away = np.linalg.norm((sites - middle) @ IDEAL_A, axis=1)
    loose = np.setdiff1d(np.arange(len(heavy)), owner)
    turned = (sites - middle) @ np.linalg.inv(cell.matrix)
    inside = (np.floor(turned + 0.5 + OFF_LATTICE) == 0).all(axis=1)
    return _Planting(sites[inside], owner[inside], loose, away[inside])


def _core(
    heavy: DetectedAtoms, planting: _Planting, centre_A: tuple[float, float], within_A: float
) -> float:
    """Return how far from the centre anything differs from a perfect sheet, Å.

    Farther out than `within_A` the cell is filled with perfect sheet, whatever was measured.
    """
    foreign = [k < 0 or heavy.symbols[k] != "C" for k in planting.owner.tolist()]
    loose = np.hypot(*(heavy.positions_A[planting.loose] - np.asarray(centre_A)).T)
    away = np.concatenate([planting.away_A[foreign], loose])
    return float(away[away <= within_A].max(initial=0.0))


def _filled(
    heavy: DetectedAtoms,
    source: NDArray[np.intp],
    planting: _Planting,
    honeycomb: Honeycomb,
    cell: Supercell,
    kept: tuple[tuple[float, float], float],
) -> Cluster:
    """Put measured atoms near the centre and ideal ones elsewhere into the cell."""
    (x, y), radius_A = kept
    near = planting.away_A <= radius_A
    loose = planting.loose[np.hypot(*(heavy.positions_A[planting.loose] - [x, y]).T) <= radius_A]
    measured = np.concatenate([planting.owner[near & (planting.owner >= 0)], loose])
    places = np.concatenate([honeycomb.places(heavy.positions_A[measured]), planting.sites[~near]])
    symbols = tuple(heavy.symbols[i] for i in measured) + ("C",) * int((~near).sum())
    middle = honeycomb.places(np.array([[x, y]]))[0]
    inside = (places - middle) @ np.linalg.inv(cell.matrix) + 0.5
    flat = inside @ cell.vectors_A
    heights = VACUUM_A / 2 + seed_heights(symbols, flat)
    positions = np.round(np.column_stack([flat, heights]), DECIMALS)
    lattice = np.zeros((3, 3))
    lattice[:2, :2], lattice[2, 2] = cell.vectors_A, VACUUM_A
    lattice = np.round(lattice, DECIMALS)
    check_structure(symbols, positions, lattice)
    ideal = np.full(len(symbols) - len(measured), np.nan)
    lengths = np.linalg.norm(lattice, axis=1)
    corner = np.array([x, y]) - cell.vectors_A.sum(axis=0) / 2
    sigma = heavy.sigma_A
    return Cluster(
        symbols=symbols,
        positions_A=positions,
        roles=tuple("interior" for _ in symbols),
        cell_A=(float(lengths[0]), float(lengths[1]), float(lengths[2])),
        origin_A=(round(float(corner[0]), DECIMALS), round(float(corner[1]), DECIMALS)),
        unpaired=unpaired_electrons(symbols),
        source=(*source[measured].tolist(), *(-1,) * len(ideal)),
        sigma_A=None if sigma is None else np.concatenate([sigma[measured], ideal]),
        p=np.concatenate([heavy.p[measured], ideal]),
        lattice_A=lattice,
    )


def _told(honeycomb: Honeycomb, cell: Supercell) -> tuple[str, ...]:
    """Say what the cell is, and what was taken out of the measurement."""
    one, other = np.linalg.norm(honeycomb.vectors_A, axis=1)
    x, y = honeycomb.vectors_A[0]
    size = f"periodic cell of {2 * cell.n_cells} sites; strain {cell.strain:.2%}"
    measured = (
        f"measured lattice vectors {one:.3f} and {other:.3f} Å against"
        f" {GRAPHENE_LATTICE_A} Å, the first {np.degrees(np.arctan2(y, x)):.1f} degrees from the"
        f" rows: scale, distortion and rotation are taken out; centres of hexagons scatter by"
        f" {honeycomb.rms_A:.3f} Å"
    )
    return size, measured
