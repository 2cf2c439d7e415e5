"""Rings of a finished cluster, seen along the normal of its own mean plane."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.lattice.bonds import find_bonds
from shared.lattice.rings import RingSet, find_rings
from sim_dispatcher.structure.images import is_sheet, with_images

__all__ = ["heavy_atoms", "ring_census", "rings_of", "seen_from_above"]

Array: TypeAlias = NDArray[np.float64]

RING_REACH_A: Final = 12.0
"""Copies this far beyond a cell's atoms complete every ring that is not a hole, Å."""

OFF_LATTICE: Final = 0.5772e-3
"""Share of a cell by which the counting window is moved, so that no ring lies on its border."""


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


def ring_census(
    symbols: Sequence[str], positions_A: Array, lattice_A: Array | None = None
) -> dict[str, int]:
    """Return how many rings of each size the heavy atoms make, as ``{"5": 2, "6": 30}``.

    Args:
        symbols: Element of each atom.
        positions_A: (n, 3) positions, Å.
        lattice_A: (3, 3) vectors of a periodic cell, Å: rings of one cell are counted where it
            holds a sheet; a solid has no faces to count, and an empty census.
    """
    if lattice_A is not None:
        return _periodic_census(symbols, positions_A, lattice_A)
    if len(heavy_atoms(symbols)) < 3:
        return {}
    return rings_of(symbols, positions_A).census()


def _periodic_census(
    symbols: Sequence[str], positions_A: Array, lattice_A: Array
) -> dict[str, int]:
    """Count the rings whose middle lies in one cell of a sheet."""
    heavy = heavy_atoms(symbols)
    if not len(heavy) or not is_sheet(positions_A[heavy], lattice_A):
        return {}
    copies, origin = with_images(positions_A[heavy], lattice_A, RING_REACH_A)
    first = lattice_A[0] / np.linalg.norm(lattice_A[0])
    normal = np.cross(lattice_A[0], lattice_A[1])
    second = np.cross(normal / np.linalg.norm(normal), first)
    axes = np.stack([first, second], axis=1)
    rings = find_rings(find_bonds(copies @ axes, [symbols[heavy[i]] for i in origin]))
    places = rings.centroids_A @ np.linalg.inv(lattice_A[:2] @ axes)
    corner = (positions_A[heavy] @ axes @ np.linalg.inv(lattice_A[:2] @ axes)).min(axis=0)
    inside = (np.floor(places - corner + OFF_LATTICE) == 0).all(axis=1)
    counts = Counter(rings.sizes[inside].tolist())
    return {str(size): counts[size] for size in sorted(counts)}
