"""Point defects of the carbon sheet itself, told by their groups of non-hexagonal rings.

Signatures: Stone-Wales 5-5-7-7 (Stone & Wales, doi:10.1016/0009-2614(86)80661-3); single vacancy
5-9, a 12-ring before it reconstructs; divacancy 5-8-5 and 555-777 (Banhart, Kotakoski &
Krasheninnikov, doi:10.1021/nn102598m).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from shared.lattice.finding import LatticeDefect, report, soundness
from shared.lattice.view import HOLE_RING, LatticeView
from shared.messages import DefectType

__all__ = ["RingCluster", "find_clusters", "is_point_defect", "name_cluster"]


@dataclass(frozen=True, slots=True)
class RingCluster:
    """Non-hexagonal rings that share bonds."""

    rings: tuple[int, ...]
    """Their numbers in the view's ring set, ascending."""
    sizes: tuple[int, ...]
    """Their sizes, ascending."""
    joined: tuple[tuple[int, int], ...]
    """Sizes (small, large) of every two rings that share a bond."""

    def atoms(self, view: LatticeView) -> tuple[int, ...]:
        """Return all atoms of the rings, ascending."""
        return tuple(sorted({int(a) for k in self.rings for a in view.rings.rings[k]}))


@dataclass(frozen=True, slots=True)
class Signature:
    """A defect class as ring sizes, and how many pairs of heptagons touch."""

    type: DefectType
    sizes: tuple[int, ...]
    heptagon_pairs: int = 0
    clean: float = 1.0
    """Less for a form the defect takes only before it reconstructs."""
    cut: bool = False
    """Whether it is what the border leaves of the defect."""


SIGNATURES: Final = (
    Signature("V1", (5, 9)),
    Signature("V1", (12,)),
    Signature("V2_585", (5, 5, 8)),
    Signature("V2_585", (5, 11), clean=0.95),
    Signature("V2_585", (14,), clean=0.9),
    Signature("V_555777", (5, 5, 5, 7, 7, 7), heptagon_pairs=3),
    Signature("V_555777", (5, 5, 5, 7, 7), heptagon_pairs=1, clean=0.9, cut=True),
    Signature("SW_5577", (5, 5, 7, 7), heptagon_pairs=1),
)

VACANCIES: Final = frozenset({"V1", "V2_585", "V_555777"})
"""Classes that lack atoms, so that faint candidates speak against them."""

PENTAGON: Final = 5

OPENED: Final = 8
"""Rings from this size lack atoms."""

NEAR_OPEN: Final = 0.9
"""Factor for a cluster beside surroundings that were not imaged: it may be part of more."""

NAMELESS: Final = 0.5
"""Factor for rings that fit no signature."""


def find_clusters(view: LatticeView) -> tuple[RingCluster, ...]:
    """Return the groups of bond-sharing odd rings that hold no silicon and are no holes."""
    absorbing = np.isin(view.elements, ("C", "B", "N", "O"), invert=True)
    odd = [
        k
        for k in np.flatnonzero(view.rings.sizes != 6).tolist()
        if view.rings.sizes[k] < HOLE_RING and not absorbing[view.rings.rings[k]].any()
    ]
    touching = _touching(view, odd)
    return tuple(_cluster(view, group, touching) for group in _groups(odd, touching))


def is_point_defect(view: LatticeView, cluster: RingCluster) -> bool:
    """Return whether a cluster shows the signature of a point defect."""
    return _match(cluster, at_border=_beside_open(view, cluster)) is not None


def name_cluster(view: LatticeView, cluster: RingCluster) -> Iterator[LatticeDefect]:
    """Yield the point defect that a cluster is; none where the border may have made it."""
    atoms = cluster.atoms(view)
    beside_open = _beside_open(view, cluster)
    match = _match(cluster, at_border=beside_open)
    if match is None and beside_open:
        return
    vacant = match is not None and match.type in VACANCIES
    clean = soundness(view, atoms, _closing(view, cluster), torn=vacant)
    clean *= NEAR_OPEN if beside_open else 1.0
    if match is None:
        yield report(view, "unknown", atoms, clean=clean * NAMELESS)
        return
    clean *= match.clean * _emptiness(view, cluster, match)
    yield report(view, match.type, atoms, clean=clean)


def _closing(view: LatticeView, cluster: RingCluster) -> frozenset[frozenset[int]]:
    """Return the bonds that close a vacancy's pentagons against its large ring.

    They are long, 1.7 to 2.1 Å, and the class is the same with them and without.
    """
    bonds: dict[bool, set[frozenset[int]]] = {True: set(), False: set()}
    for k in cluster.rings:
        ring = view.rings.rings[k].tolist()
        if len(ring) == PENTAGON or len(ring) >= OPENED:
            around = {frozenset(pair) for pair in pairwise([*ring, ring[0]])}
            bonds[len(ring) == PENTAGON].update(around)
    return frozenset(bonds[True] & bonds[False])


def _touching(view: LatticeView, odd: list[int]) -> set[tuple[int, int]]:
    """Return the pairs (first < second) of odd rings that share a bond."""
    owners: defaultdict[frozenset[int], list[int]] = defaultdict(list)
    for k in odd:
        ring = view.rings.rings[k].tolist()
        for bond in pairwise([*ring, ring[0]]):
            owners[frozenset(bond)].append(k)
    return {(rings[0], rings[1]) for rings in owners.values() if len(rings) == 2}


def _groups(odd: list[int], touching: set[tuple[int, int]]) -> list[list[int]]:
    """Return the connected groups of odd rings, each ascending."""
    root = {k: k for k in odd}

    def top(k: int) -> int:
        while root[k] != k:
            k = root[k]
        return k

    for first, second in touching:
        low, high = sorted((top(first), top(second)))
        root[high] = low
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for k in odd:
        groups[top(k)].append(k)
    return list(groups.values())


def _cluster(view: LatticeView, group: list[int], touching: set[tuple[int, int]]) -> RingCluster:
    """Return one group with its sizes and contacts."""
    size = {k: int(view.rings.sizes[k]) for k in group}
    contacts = sorted(
        (min(size[a], size[b]), max(size[a], size[b])) for a, b in touching if a in size
    )
    return RingCluster(tuple(group), tuple(sorted(size.values())), tuple(contacts))


def _beside_open(view: LatticeView, cluster: RingCluster) -> bool:
    """Return whether a cluster borders on surroundings that were not imaged."""
    return bool(view.open[list(cluster.atoms(view))].any())


def _match(cluster: RingCluster, *, at_border: bool) -> Signature | None:
    """Return the signature a cluster shows, if any."""
    heptagon_pairs = cluster.joined.count((7, 7))
    for signature in SIGNATURES:
        if signature.cut and not at_border:
            continue
        if signature.sizes == cluster.sizes and signature.heptagon_pairs == heptagon_pairs:
            return signature
    return None


def _emptiness(view: LatticeView, cluster: RingCluster, match: Signature) -> float:
    """Return the chance that the atoms a vacancy lacks are not there as faint candidates."""
    if match.type not in VACANCIES:
        return 1.0
    largest = max(cluster.rings, key=lambda k: int(view.rings.sizes[k]))
    lacking = view.missing_atoms(largest) if len(cluster.rings) == 1 else 1.0
    return view.emptiness(largest, lacking)
