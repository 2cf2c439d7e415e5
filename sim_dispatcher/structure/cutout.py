"""Which detected atoms belong to the cluster: whole rings about the centre.

All rings inside the radius are taken, as far as they hang together by common bonds.
A ring of which only one atom or one bond is missing is then added: it would leave two hydrogen
atoms no room (a cove or a fjord of the rim).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.errors import StructureError
from shared.lattice import RingSet, find_bonds, find_rings
from shared.units import CARBON_BOND_A
from sim_dispatcher.structure.detected import DetectedAtoms
from sim_dispatcher.structure.scale import check_scale, measure_scale, refuse_far_scale

__all__ = ["MARGIN_A", "Cut", "cut_atoms"]

Array: TypeAlias = NDArray[np.float64]
Bond: TypeAlias = frozenset[int]

MARGIN_A: Final = 6.0
"""Atoms this far outside the radius take part in finding bonds and rings, Å."""

FILLED_RING: Final = 8
"""Larger rings are not filled in: they are vacancies and holes."""

HOLE_RING: Final = 15
"""Rings from this size are holes: a 12-ring lacks one atom, a 14-ring two."""

SMALLEST: Final = 10
"""A cluster of fewer heavy atoms (naphthalene) has no inside to compute, so is refused."""


@dataclass(frozen=True)
class Cut:
    """Which atoms a cut takes.

    Attributes:
        members: Ascending indices into the atoms given.
        notes: What is to be said about their scale.
    """

    members: list[int]
    notes: tuple[str, ...]


def cut_atoms(atoms: DetectedAtoms, centre_A: tuple[float, float], radius_A: float) -> Cut:
    """Choose the atoms of the cluster.

    Args:
        atoms: Merged, present atoms about the centre, `MARGIN_A` beyond the radius.
        centre_A: x, y of the defect in the frame, Å.
        radius_A: Rings wholly inside this radius are taken, Å.

    Raises:
        StructureError: Nothing was detected here, the scale is wrong, or no whole ring lies
            about the centre.
    """
    if not len(atoms):
        raise StructureError(
            f"No atoms were detected about ({centre_A[0]:.1f}, {centre_A[1]:.1f}) Å.",
            remedy="Pick a place on the sheet.",
        )
    graph = find_bonds(atoms.positions_A, atoms.symbols)
    rings = find_rings(graph)
    scale = measure_scale(atoms.positions_A, atoms.symbols, graph, rings)
    check_scale(scale)
    chosen = _coherent(rings, _inside(rings, atoms.positions_A, centre_A, radius_A), centre_A)
    members = _filled(rings, {atom for k in chosen for atom in rings.rings[k].tolist()})
    if len(members) < SMALLEST:
        refuse_far_scale(atoms.positions_A, atoms.symbols)
        raise StructureError(
            f"Only {len(members)} atoms form whole rings within {radius_A:.1f} Å of"
            f" ({centre_A[0]:.1f}, {centre_A[1]:.1f}) Å.",
            remedy="Pick a defect farther from the frame's border, or a larger radius.",
        )
    return Cut(sorted(members), () if scale is None else scale.notes)


def _inside(
    rings: RingSet, positions: Array, centre: tuple[float, float], radius: float
) -> list[int]:
    """Return the rings inside the radius: by their centre, which noise hardly moves.

    A hexagon reaches one bond length beyond its centre. Holes have no such size; all their atoms
    must lie inside.
    """
    away = np.hypot(*(rings.centroids_A - np.asarray(centre)).T)
    near = np.hypot(*(positions - np.asarray(centre)).T) <= radius
    return [
        k
        for k, ring in enumerate(rings.rings)
        if (away[k] <= radius - CARBON_BOND_A if len(ring) < HOLE_RING else near[ring].all())
    ]


def _coherent(rings: RingSet, chosen: Iterable[int], centre: tuple[float, float]) -> set[int]:
    """Return those rings that hang together by common bonds with the one nearest the centre."""
    owners: defaultdict[Bond, list[int]] = defaultdict(list)
    for k in chosen:
        for bond in _bonds(rings.rings[k]):
            owners[bond].append(k)
    if not owners:
        return set()
    away = np.hypot(*(rings.centroids_A - np.asarray(centre)).T)
    first = min({k for ring in owners.values() for k in ring}, key=lambda k: float(away[k]))
    found, frontier = {first}, [first]
    while frontier:
        for bond in _bonds(rings.rings[frontier.pop()]):
            fresh = set(owners[bond]) - found
            found |= fresh
            frontier.extend(fresh)
    return found


def _bonds(ring: NDArray[np.int64]) -> list[Bond]:
    cycle = ring.tolist()
    return [frozenset(pair) for pair in pairwise([*cycle, cycle[0]])]


def _filled(rings: RingSet, members: set[int]) -> set[int]:
    """Return the members and those of every ring that lacks one of its atoms at most."""
    small = [set(ring.tolist()) for ring in rings.rings if len(ring) <= FILLED_RING]
    while True:
        lacking = [ring for ring in small if len(ring - members) == 1]
        if not lacking:
            return members
        members = members.union(*lacking)
