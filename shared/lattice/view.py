"""A frame's atoms seen as a lattice: what is sheet, what lies on it, what cannot be known.

Everything a classifier asks is worked out once, here: which listed atoms count as present, which
lie *on* the sheet rather than in it, bonds, rings, and, at the border of the frame, which atoms
have surroundings that were not imaged. Those must never be mistaken for an edge or a vacancy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.lattice.bonds import BondGraph, bond_pairs, find_near_pairs
from shared.lattice.crowding import LIGHT, find_overlays
from shared.lattice.healing import heal
from shared.lattice.rings import RingSet
from shared.units import CARBON_BOND_A

__all__ = ["LatticeView", "survey"]

HEXAGON_AREA_A2: Final = 5.24
"""Area of a graphene hexagon, Å² (2.46² · √3/2)."""

PRESENT: Final = 0.5
"""Listed atoms count as found from this probability (the detector lists them from 0.05)."""

OPEN_DEPTH_A: Final = 3.5
"""An outline atom nearer to the frame's border than this has neighbours that may lie outside:
one hexagon is 2.84 Å across, plus noise."""

OUTSHONE: Final = 14
"""Atoms of the sheet that the halo of one heavy atom may hide: those within 3.4 Å."""

HOLE_RING: Final = 15
"""Rings from this size are holes: a 12-ring lacks one atom, a 14-ring two."""


@dataclass(frozen=True, eq=False)
class LatticeView:
    """The atoms counted as present, with everything derived from them.

    Indices are into the present atoms; `index` leads back to the caller's.
    """

    index: NDArray[np.int64]
    """(m,) the caller's index of each present atom."""
    elements: NDArray[np.str_]
    """(m,) chemical symbols."""
    p: NDArray[np.float64]
    """(m,) probability of each atom."""
    graph: BondGraph
    rings: RingSet
    overlays: tuple[int, ...]
    """Atoms on the sheet, not in it; they have no bonds."""
    depth_A: NDArray[np.float64]
    """(m,) distance to the frame's border, Å; infinite where there is no frame."""
    open: NDArray[np.bool_]
    """(m,) True where part of the surroundings is unknown."""
    faint_A: NDArray[np.float64]
    """(k, 2) [x, y] of listed atoms that do not count as present, Å."""
    faint_p: NDArray[np.float64]
    """(k,) their probabilities."""

    @property
    def positions_A(self) -> NDArray[np.float64]:
        """(m, 2) [x, y], Å."""
        return self.graph.positions_A

    @cached_property
    def holes(self) -> tuple[int, ...]:
        """Numbers of the rings that are holes."""
        return tuple(np.flatnonzero(self.rings.sizes >= HOLE_RING).tolist())

    @cached_property
    def carbon_bonds_A(self) -> NDArray[np.float64]:
        """(bonds,) length of each bond of the graph between carbons, Å; C-C's own for others."""
        carbon = (self.elements == "C")[self.graph.pairs].all(axis=1)
        return np.where(carbon, self.graph.lengths_A, CARBON_BOND_A)

    @cached_property
    def at_edge(self) -> NDArray[np.bool_]:
        """(m,) True for atoms on the rim of a hole or on an edge inside the frame."""
        mask = np.zeros(len(self.p), dtype=bool)
        for outline in self.rings.outlines:
            mask[outline] = True
        mask &= ~self.open
        for k in self.holes:
            mask[self.rings.rings[k]] = True
        return mask

    def missing_atoms(self, ring: int) -> float:
        """Return how many lattice sites a ring encloses, from its area and its size.

        A face of h merged hexagons with k atoms on its rim encloses 2h + 1 - k/2 (Euler).
        """
        hexagons = float(self.rings.areas_A2[ring]) / HEXAGON_AREA_A2
        return max(1.0, 2 * hexagons + 1 - len(self.rings.rings[ring]) / 2)

    def emptiness(self, ring: int, lacking: float) -> float:
        """Return the chance that the atoms a ring lacks are not there, faint or outshone.

        Args:
            ring: Its number.
            lacking: How many atoms it lacks.
        """
        rim = self.rings.rings[ring]
        polygon = self.positions_A[rim]
        doubt = 0.0
        if len(self.faint_p):
            doubt += float(self.faint_p[_inside(self.faint_A, polygon)].sum())
        heavy = np.setdiff1d(np.flatnonzero(~np.isin(self.elements, LIGHT)), rim)
        if len(heavy):
            doubt += OUTSHONE * int(_inside(self.positions_A[heavy], polygon).sum())
        return 1.0 - min(1.0, doubt / lacking)


def survey(
    positions_A: NDArray[np.float64],
    elements: Sequence[str],
    p: NDArray[np.float64],
    bounds: tuple[float, float] | None,
    obscured: NDArray[np.bool_] | None = None,
) -> LatticeView:
    """Return the lattice that listed atoms form.

    Args:
        positions_A: (n, 2) [x, y], Å, from the frame's first pixel.
        elements: n chemical symbols; hydrogen is left out.
        p: (n,) probability of each atom.
        bounds: (width, height) of the frame, Å; None for a free-standing structure.
        obscured: (n,) True for atoms beside contamination, whose neighbours may be hidden.
    """
    positions = np.asarray(positions_A, dtype=float).reshape(-1, 2)
    symbols = np.array([str(e) for e in elements], dtype=np.str_)
    chances = np.asarray(p, dtype=float)
    present = (chances >= PRESENT) & (symbols != "H")
    index = np.flatnonzero(present)
    positions_in, symbols_in = positions[present], symbols[present]
    near = find_near_pairs(positions_in, symbols_in.tolist())
    overlays, gone = find_overlays(near, symbols_in, chances[present])
    bonds = bond_pairs(positions_in, symbols_in.tolist(), near.without(gone))
    graph, rings = heal(bonds, symbols_in)
    depth = _depths(positions_in, bounds)
    veiled = np.zeros(len(index), dtype=bool) if obscured is None else obscured[index]
    faint = ~present & (symbols != "H")
    return LatticeView(
        index=index,
        elements=symbols_in,
        p=chances[present],
        graph=graph,
        rings=rings,
        overlays=tuple(np.flatnonzero(overlays).tolist()),
        depth_A=depth,
        open=_open_atoms(rings, depth, graph.coordination, bounds) | veiled,
        faint_A=positions[faint],
        faint_p=chances[faint],
    )


def _depths(
    positions: NDArray[np.float64], bounds: tuple[float, float] | None
) -> NDArray[np.float64]:
    """Return each atom's distance to the nearest side of the frame, Å."""
    if bounds is None:
        return np.full(len(positions), np.inf)
    far = np.asarray(bounds) - positions
    return np.asarray(np.minimum(positions, far).min(axis=1, initial=np.inf), dtype=float)


def _open_atoms(
    rings: RingSet,
    depth: NDArray[np.float64],
    coordination: NDArray[np.int64],
    bounds: tuple[float, float] | None,
) -> NDArray[np.bool_]:
    """Return which atoms have surroundings that nobody imaged."""
    ringed = np.zeros(len(depth), dtype=bool)
    if rings.rings:
        ringed[np.concatenate(rings.rings)] = True
    outer = ~ringed
    for outline in rings.outlines:
        outer[outline] = True
    if bounds is None:
        return outer & (coordination < 3)
    return outer & (depth < OPEN_DEPTH_A)


def _inside(points: NDArray[np.float64], polygon: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which (k, 2) points lie within a polygon (even-odd rule)."""
    a, b = polygon, np.roll(polygon, -1, axis=0)
    x, y = points[:, :1], points[:, 1:]
    spans = (a[:, 1] > y) != (b[:, 1] > y)
    rise = np.where(b[:, 1] == a[:, 1], 1.0, b[:, 1] - a[:, 1])
    crossing_x = a[:, 0] + (y - a[:, 1]) / rise * (b[:, 0] - a[:, 0])
    return np.asarray((spans & (x < crossing_x)).sum(axis=1) % 2 == 1)
