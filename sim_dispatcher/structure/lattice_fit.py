"""The honeycomb that a patch belongs to: origin and two vectors, by least squares.

Hexagon centres form a triangular lattice. Steps from one hexagon to its neighbours round to
lattice steps however much the scan is distorted; walking over all of them numbers the hexagons.
Where two ways to the same hexagon give different numbers, a dislocation lies between them, and
the patch belongs to no single lattice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.errors import StructureError
from shared.lattice import RingSet

__all__ = ["Honeycomb", "fit_honeycomb"]

Array: TypeAlias = NDArray[np.float64]
Step: TypeAlias = tuple[int, int]

LEAST_HEXAGONS: Final = 7
"""A hexagon and its neighbours: fewer do not fix a lattice."""

BENT_A: Final = 0.7
"""Hexagons farther from the fitted lattice than this, Å, belong to another grain."""

SIXTY: Final = np.array([[0.5, np.sqrt(0.75)], [-np.sqrt(0.75), 0.5]])
"""Rotation of row vectors by 60 degrees, x towards y."""


@dataclass(frozen=True, eq=False)
class Honeycomb:
    """A perfect lattice laid through measured hexagons.

    Attributes:
        origin_A: (2,) centre of one hexagon, Å.
        vectors_A: (2, 2) rows are the two lattice vectors, 60 degrees apart but for distortion.
        rms_A: Root mean square distance of the hexagons' centres to it, Å.
    """

    origin_A: Array
    vectors_A: Array
    rms_A: float

    def places(self, positions_A: Array) -> Array:
        """Return (n, 2) coordinates along the vectors, hexagon centres at integers."""
        return np.asarray((positions_A - self.origin_A) @ np.linalg.inv(self.vectors_A))

    def sites(self, cells: NDArray[np.int64]) -> Array:
        """Return (2 k, 2) the atoms' places of k cells, in units of the vectors."""
        first = cells.astype(np.float64) + 1 / 3
        return np.concatenate([first, first + 1 / 3])


def fit_honeycomb(rings: RingSet) -> Honeycomb:
    """Fit a lattice to the hexagons of a patch.

    Args:
        rings: All rings of the patch; those that are no hexagons are left out.

    Raises:
        StructureError: Too few hexagons, or a dislocation among them.
    """
    hexagons = [k for k, ring in enumerate(rings.rings) if len(ring) == 6]
    touching = list(_touching(rings, hexagons))
    if len(touching) < LEAST_HEXAGONS:
        raise StructureError(
            f"{len(hexagons)} hexagons do not fix a lattice.",
            remedy="Take a larger radius, or a place with more sheet around the defect.",
        )
    gaps = np.array([rings.centroids_A[b] - rings.centroids_A[a] for a, b in touching])
    rough = _rough_vectors(gaps)
    steps = [(round(x), round(y)) for x, y in (gaps @ np.linalg.inv(rough)).tolist()]
    numbered = _numbered(touching, steps)
    place = np.array([[1.0, *numbered[k]] for k in numbered])
    centres = rings.centroids_A[list(numbered)]
    fitted = np.linalg.lstsq(place, centres, rcond=None)[0]
    off = centres - place @ fitted
    if np.abs(off).max() > BENT_A:
        raise _no_single_lattice()
    return Honeycomb(fitted[0], fitted[1:], float(np.sqrt((off**2).sum(axis=1).mean())))


def _touching(rings: RingSet, hexagons: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of hexagons that share a bond."""
    owners: defaultdict[frozenset[int], list[int]] = defaultdict(list)
    for k in hexagons:
        cycle = rings.rings[k].tolist()
        for bond in pairwise([*cycle, cycle[0]]):
            owners[frozenset(bond)].append(k)
    yield from ((pair[0], pair[1]) for pair in owners.values() if len(pair) == 2)


def _rough_vectors(gaps: Array) -> Array:
    """Return two vectors 60 degrees apart that the gaps between hexagons agree with."""
    angles = np.arctan2(gaps[:, 1], gaps[:, 0])
    turn = np.angle(np.exp(6j * angles).mean()) / 6
    length = float(np.median(np.linalg.norm(gaps, axis=1)))
    first = length * np.array([np.cos(turn), np.sin(turn)])
    return np.stack([first, first @ SIXTY])


def _numbered(touching: list[tuple[int, int]], steps: list[Step]) -> dict[int, Step]:
    """Return the lattice coordinates of the largest connected group of hexagons.

    Raises:
        StructureError: Two ways to one hexagon disagree, or there is a second large group.
    """
    around: defaultdict[int, list[tuple[int, Step]]] = defaultdict(list)
    for (a, b), (i, j) in zip(touching, steps, strict=True):
        around[a].append((b, (i, j)))
        around[b].append((a, (-i, -j)))
    groups: list[dict[int, Step]] = []
    left = set(around)
    while left:
        groups.append(_walked(min(left), around))
        left -= set(groups[-1])
    best, *others = sorted(groups, key=len, reverse=True)
    if others and len(others[0]) >= LEAST_HEXAGONS:
        raise _no_single_lattice()
    return best


def _walked(start: int, around: defaultdict[int, list[tuple[int, Step]]]) -> dict[int, Step]:
    """Number the hexagons that can be reached from one."""
    found: dict[int, Step] = {start: (0, 0)}
    frontier = [start]
    while frontier:
        k = frontier.pop()
        for other, (i, j) in around[k]:
            place = (found[k][0] + i, found[k][1] + j)
            if other not in found:
                found[other] = place
                frontier.append(other)
            elif found[other] != place:
                raise _no_single_lattice()
    return found


def _no_single_lattice() -> StructureError:
    return StructureError(
        "The hexagons here belong to no single lattice: a dislocation or a grain boundary runs"
        " through them.",
        remedy="Cut a cluster instead; a periodic cell needs a second, opposite dislocation or"
        " boundary, which was not measured.",
    )
