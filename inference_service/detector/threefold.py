"""Where a sheet says something of an atom's place: atoms amid three neighbours.

In a honeycomb each atom is the centroid of its three neighbours, whatever the strain, shear or
scale, since the centroid of an affine image is the affine image of the centroid. Nothing else is
assumed: no bond length, no orientation, no lattice vectors. How exact it is depends on what
surrounds the atom, which is read off the bonds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from inference_service.detector.compiled import compiled

__all__ = ["Threefold", "find_threefold"]

FloatArray = NDArray[np.float64]

SHORTEST_BOND_A: Final = 1.05
LONGEST_BOND_A: Final = 1.85
"""Carbon's 1.42 Å with the noise of faint frames; second neighbours begin at 2.3 Å."""
LONGEST_HEAVY_BOND_A: Final = 2.15
"""Where one of the two is bright: Si-C is 1.7 to 1.9 Å."""
ASKED: Final = 6
"""Nearest atoms looked at, the atom itself included."""
SHELLS: Final = 3
"""Shells of neighbours looked at; a perfect honeycomb has 3, 6 and 9 atoms in them."""
BALL: Final = 1 + 3 + 6 + 9
TOLERANCE_A: Final = (0.10, 0.04, 0.01)
"""One-axis standard deviation of an atom from the centroid of its three neighbours, Å, with one,
two and three perfect shells around it. On the training's specimens without random displacement
0.09 and 0.04; with three the median is 0.005, the root mean square 0.017 where the scan drifts,
bends or slips."""


@dataclass(frozen=True)
class Threefold:
    """Atoms amid three neighbours each; one row per such atom."""

    centre: NDArray[np.intp]
    """(k,) index of the atom."""
    around: NDArray[np.intp]
    """(k, 3) indices of its neighbours."""
    shells: NDArray[np.intp]
    """(k,) perfect shells around it, at least 1."""

    @property
    def tolerance_A(self) -> FloatArray:
        """(k,) how far it may sit from their centroid."""
        return np.asarray(np.array(TOLERANCE_A)[self.shells - 1])


def find_threefold(
    xy_A: FloatArray, bright: NDArray[np.bool_], sure: NDArray[np.bool_]
) -> Threefold:
    """Find the atoms that the centroid rule holds for.

    Args:
        xy_A: (n, 2) positions, Å.
        bright: (n,) atoms clearly brighter than carbon. The rule holds neither for them nor beside
            them, where bonds differ in length by a quarter.
        sure: (n,) which are atoms; the others neither bond nor are asked.
    """
    atoms = np.flatnonzero(sure)
    if len(atoms) < ASKED:
        nobody = np.empty(0, dtype=np.intp)
        return Threefold(nobody, np.empty((0, 3), dtype=np.intp), nobody)
    distance, near = cKDTree(xy_A[atoms]).query(
        xy_A[atoms], ASKED, distance_upper_bound=LONGEST_HEAVY_BOND_A
    )
    heavy = bright[atoms]
    far = near == len(atoms)
    near = np.where(far, 0, near)
    limit = np.where(heavy[near] | heavy[:, None], LONGEST_HEAVY_BOND_A, LONGEST_BOND_A)
    bonded = ~far & (distance > SHORTEST_BOND_A) & (distance < limit)
    bonds = np.where(bonded, near, -1)
    alike = ~heavy & ~(bonded & heavy[near]).any(axis=1)
    centre = np.flatnonzero((bonded.sum(axis=1) == 3) & alike)
    around = np.sort(bonds[centre], axis=1)[:, -3:]
    return Threefold(atoms[centre], atoms[around], perfect_shells(bonds, centre))


@compiled
def among(ball: NDArray[np.intp], first: int, end: int, atom: int) -> bool:  # pragma: no cover
    """Tell whether an atom is one of ball[first:end]."""
    found = False
    for k in range(first, end):
        found = found or ball[k] == atom
    return found


@compiled
def perfect_shells(
    bonds: NDArray[np.intp], centre: NDArray[np.intp]
) -> NDArray[np.intp]:  # pragma: no cover
    """Shells around each centre that hold 3, 6, 9 atoms and no bond between their own.

    Args:
        bonds: (n, any) neighbours of every atom, -1 for none.
        centre: (k,) atoms with three neighbours.
    """
    out = np.ones(len(centre), dtype=np.intp)
    ball = np.empty(BALL, dtype=np.intp)
    for c in range(len(centre)):
        ball[0] = centre[c]
        start, end = 0, 1
        for shell in range(1, SHELLS + 1):
            last = end
            end = grown(bonds, ball, start, last)
            if end - last != 3 * shell or self_bonded(bonds, ball, last, end):
                break
            out[c] = shell
            start = last
    return out


@compiled
def grown(
    bonds: NDArray[np.intp], ball: NDArray[np.intp], start: int, last: int
) -> int:  # pragma: no cover
    """Append the neighbours of ball[start:last] that are new; new end, 0 where it overflows."""
    end = last
    for a in range(start, last):
        for b in bonds[ball[a]]:
            if b < 0 or among(ball, 0, end, b):
                continue
            if end == BALL:
                return 0
            ball[end] = b
            end += 1
    return end


@compiled
def self_bonded(
    bonds: NDArray[np.intp], ball: NDArray[np.intp], first: int, end: int
) -> bool:  # pragma: no cover
    """Tell whether any two of ball[first:end] are bonded: an odd ring closes there."""
    for a in range(first, end):
        for b in bonds[ball[a]]:
            if among(ball, first, end, b):
                return True
    return False
