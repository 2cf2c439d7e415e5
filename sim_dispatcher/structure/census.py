"""Rings of a finished cluster, seen along the normal of its own mean plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.lattice.bonds import find_bonds
from shared.lattice.rings import RingSet, find_rings

__all__ = ["heavy_atoms", "ring_census", "rings_of", "seen_from_above"]

Array: TypeAlias = NDArray[np.float64]


def heavy_atoms(symbols: Sequence[str]) -> NDArray[np.intp]:
    """Return the indices of all atoms but hydrogen."""
    return np.flatnonzero([symbol != "H" for symbol in symbols])


def seen_from_above(positions_A: Array) -> Array:
    """Project atoms onto their mean plane.

    Args:
        positions_A: (n, 3) positions, Å.

    Returns:
        (n, 2) coordinates in the plane, Å; handedness and rotation are those of x, y where the
        plane is roughly the x-y plane.
    """
    centred = positions_A - positions_A.mean(axis=0)
    normal = np.linalg.svd(centred, full_matrices=True)[2][2]
    first = np.array([1.0, 0.0, 0.0]) if abs(normal[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    first = first - normal * (first @ normal)
    first /= np.linalg.norm(first)
    second = np.cross(normal * (1.0 if normal[2] >= 0 else -1.0), first)
    return np.stack([centred @ first, centred @ second], axis=1)


def rings_of(symbols: Sequence[str], positions_A: Array) -> RingSet:
    """Return the rings of the heavy atoms; ring members index the heavy atoms alone."""
    heavy = heavy_atoms(symbols)
    plane = seen_from_above(positions_A[heavy])
    return find_rings(find_bonds(plane, [symbols[i] for i in heavy]))


def ring_census(symbols: Sequence[str], positions_A: Array) -> dict[str, int]:
    """Return how many rings of each size the heavy atoms make, as ``{"5": 2, "6": 30}``."""
    if len(heavy_atoms(symbols)) < 3:
        return {}
    return rings_of(symbols, positions_A).census()
