"""Take the worst strain out of a structure as it was seen, before any engine looks at it.

A dopant that is larger than carbon is detected where carbon was: too close to its neighbours, and
to their neighbours, so that a force field takes some of these for bonded. Springs along the bonds
that are there, and weaker ones across each angle, put that right in a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import NDArray
from scipy.optimize import minimize

from sim_dispatcher.levels.potential import Array
from sim_dispatcher.structure.bonds import bonded_pairs, neighbours

__all__ = ["unstrained"]

HEAVY_FACTOR: Final = 0.945
"""Bond length over the sum of covalent radii, between heavy atoms of a sheet: C-C 1.44, Si-C
1.77 Å."""

HYDROGEN_FACTOR: Final = 1.02
"""The same to hydrogen: C-H 1.09 Å."""

ANGLE_STIFFNESS: Final = 0.2
"""Of the springs across angles, over that of bonds."""


def unstrained(
    symbols: Sequence[str], positions_A: Array, free: NDArray[np.bool_] | None = None
) -> Array:
    """Return (n, 3) positions where bonds have usual lengths and angles are near 120 degrees.

    Args:
        symbols: Element of each atom.
        positions_A: (n, 3) start, Å; its bonds are kept.
        free: (n, 3) True where a coordinate may move; None = everywhere.
    """
    pairs, lengths, stiffness = _springs(symbols, positions_A)
    if not len(pairs):
        return positions_A
    mask = np.ones(positions_A.shape, dtype=bool) if free is None else free
    heads, tails = pairs.T

    def strain(flat: Array) -> tuple[float, Array]:
        at = flat.reshape(-1, 3)
        rays = at[heads] - at[tails]
        apart = np.linalg.norm(rays, axis=1)
        off = apart - lengths
        pull = (stiffness * off / np.maximum(apart, 1e-6))[:, None] * rays
        slope = np.zeros_like(at)
        np.add.at(slope, heads, pull)
        np.add.at(slope, tails, -pull)
        return float((stiffness * off**2).sum() / 2), np.where(mask, slope, 0.0).ravel()

    found = minimize(strain, positions_A.ravel(), jac=True, method="L-BFGS-B")
    return np.asarray(found.x.reshape(-1, 3))


def _springs(symbols: Sequence[str], positions_A: Array) -> tuple[NDArray[np.intp], Array, Array]:
    """Return (m, 2) pairs, their rest lengths in Å and their stiffness."""
    bonds = bonded_pairs(symbols, positions_A)
    usual = {(int(i), int(j)): _usual_A(symbols[i], symbols[j]) for i, j in bonds}
    rest = dict(usual)
    for middle, around in enumerate(neighbours(len(symbols), bonds)):
        for i, j in combinations(sorted(around), 2):
            if (i, j) not in usual:
                a, b = (usual[min(middle, end), max(middle, end)] for end in (i, j))
                rest[i, j] = max(rest.get((i, j), 0.0), float(np.sqrt(a * a + b * b + a * b)))
    stiffness = [1.0 if pair in usual else ANGLE_STIFFNESS for pair in rest]
    pairs = np.array(list(rest), dtype=np.intp).reshape(-1, 2)
    return pairs, np.array(list(rest.values())), np.array(stiffness)


def _usual_A(one: str, other: str) -> float:
    factor = HYDROGEN_FACTOR if "H" in {one, other} else HEAVY_FACTOR
    return factor * float(sum(covalent_radii[atomic_numbers[symbol]] for symbol in (one, other)))
