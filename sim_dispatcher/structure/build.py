"""From detected atoms and a centre to a cluster: the cut, step by step."""

from __future__ import annotations

from typing import Final

import numpy as np

from shared.lattice import find_bonds
from sim_dispatcher.structure.border import check_border, coverage_notes
from sim_dispatcher.structure.box import DECIMALS, boxed
from sim_dispatcher.structure.checks import check_structure
from sim_dispatcher.structure.cluster import Array, Cluster, Role
from sim_dispatcher.structure.cutout import MARGIN_A, cut_atoms
from sim_dispatcher.structure.detected import DetectedAtoms
from sim_dispatcher.structure.doubts import doubt_notes
from sim_dispatcher.structure.merging import crowded_notes, merged
from sim_dispatcher.structure.rules import RADIUS_A, CutRules
from sim_dispatcher.structure.seed import seed_heights
from sim_dispatcher.structure.spin import unpaired_electrons
from sim_dispatcher.structure.terminate import Caps, capped

__all__ = ["build_cluster"]

DEFAULT_RULES: Final = CutRules()


def build_cluster(
    atoms: DetectedAtoms,
    centre_A: tuple[float, float],
    radius_A: float = RADIUS_A,
    rules: CutRules = DEFAULT_RULES,
    charge: int = 0,
) -> Cluster:
    """Cut a hydrogen-capped cluster from the atoms of a frame.

    Args:
        atoms: All listed atoms, calibrated; faint ones included.
        centre_A: x = column, y = row of the defect in the frame, Å.
        radius_A: Rings wholly inside this radius are taken, Å.
        rules: Thresholds and presets.
        charge: Total charge, e.

    Returns:
        The cluster, heavy atoms first; `source` leads back to the atoms given.

    Raises:
        StructureError: Nothing there, doubtful or crowded atoms, an unknown element, a wrong
            scale, a place at the frame's border, or a rim that cannot be capped.
    """
    check_border(centre_A, atoms.bounds_A)
    doubts = doubt_notes(atoms, centre_A, rules)
    away = np.hypot(*(atoms.positions_A - np.asarray(centre_A)).T)
    near = np.flatnonzero((away <= radius_A + MARGIN_A) & (atoms.p >= rules.present_p))
    around, origin = merged(atoms.take(near), rules.merged_A)
    cut = cut_atoms(around, centre_A, radius_A)
    members = cut.members
    heavy = around.take(members)
    notes = (*doubts, *crowded_notes(heavy, rules), *cut.notes)
    notes += coverage_notes(heavy.positions_A, centre_A, radius_A, atoms.bounds_A)
    graph = find_bonds(heavy.positions_A, heavy.symbols)
    caps = capped(heavy.symbols, graph, rules.caps)
    source = tuple(int(near[origin[i]]) for i in members) + (-1,) * len(caps.carriers)
    return _assembled(heavy, caps, source, rules, charge).noted(*notes, *caps.notes)


def _assembled(
    heavy: DetectedAtoms, caps: Caps, source: tuple[int, ...], rules: CutRules, charge: int
) -> Cluster:
    """Put heavy atoms and caps into their box, heights seeded, electrons counted."""
    n_caps = len(caps.carriers)
    symbols = heavy.symbols + ("H",) * n_caps
    flat = np.concatenate([heavy.positions_A, caps.positions_A])
    heights = seed_heights(symbols, flat - flat.mean(axis=0))
    if heavy.z_A is not None:
        heights = np.concatenate([heavy.z_A, heavy.z_A[list(caps.carriers)]])
    positions = np.column_stack([flat, heights])
    check_structure(symbols, positions)
    moved, cell = boxed(positions, rules.edge_A)
    shift = flat[0] - moved[0, :2]
    return Cluster(
        symbols=symbols,
        positions_A=moved,
        roles=_roles(len(heavy), caps),
        cell_A=cell,
        origin_A=(round(float(shift[0]), DECIMALS), round(float(shift[1]), DECIMALS)),
        charge=charge,
        unpaired=unpaired_electrons(symbols, charge),
        source=source,
        sigma_A=None if heavy.sigma_A is None else _with_caps(heavy.sigma_A, n_caps),
        p=_with_caps(heavy.p, n_caps),
    )


def _with_caps(column: Array, n_caps: int) -> Array:
    """Return what is known of the heavy atoms, and of the caps added here: nothing."""
    return np.round(np.concatenate([column, np.full(n_caps, np.nan)]), DECIMALS)


def _roles(n_heavy: int, caps: Caps) -> tuple[Role, ...]:
    rim = set(caps.carriers)
    inside: tuple[Role, ...] = tuple("rim" if i in rim else "interior" for i in range(n_heavy))
    hydrogen: tuple[Role, ...] = tuple("cap" for _ in caps.carriers)
    return inside + hydrogen
