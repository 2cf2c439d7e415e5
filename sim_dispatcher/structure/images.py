"""Periodic images: a crystal's bonds and rings through copies of its atoms.

Distances in a cell need the copies beyond its faces; a cell so small that an atom bonds to its
own image (graphene's two atoms) is no exception. Rows of a lattice are its vectors, Å.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["FLAT_A", "heights", "is_sheet", "with_images"]

Array: TypeAlias = NDArray[np.float64]

FLAT_A: Final = 4.0
"""A layer thinner than this along the cell's third vector is a sheet, whose rings count, Å."""


def heights(lattice_A: Array) -> Array:
    """Return (3,) distances between opposite faces of a cell, Å."""
    found: Array = 1.0 / np.linalg.norm(np.linalg.inv(lattice_A), axis=0)
    return found


def with_images(
    positions_A: Array, lattice_A: Array, reach_A: float
) -> tuple[Array, NDArray[np.intp]]:
    """Return the atoms and all copies that may lie within reach of one of them.

    Args:
        positions_A: (n, 3) x, y, z in Å; inside the cell or not.
        lattice_A: (3, 3) the cell's vectors, Å.
        reach_A: Distance up to which neighbours are wanted, Å.

    Returns:
        (m, 3) positions, the atoms themselves first, and (m,) the atom each is a copy of.
    """
    spread = np.ptp(positions_A @ np.linalg.inv(lattice_A), axis=0)
    most = np.ceil(reach_A / heights(lattice_A) + spread).astype(int)
    steps = np.stack(np.meshgrid(*(np.arange(-k, k + 1) for k in most), indexing="ij"), axis=-1)
    shifts = steps.reshape(-1, 3)
    shifts = np.concatenate([np.zeros((1, 3)), shifts[shifts.any(axis=1)]]) @ lattice_A
    copies = (shifts[:, None] + positions_A).reshape(-1, 3)
    origin = np.tile(np.arange(len(positions_A)), len(shifts))
    low, high = positions_A.min(axis=0) - reach_A, positions_A.max(axis=0) + reach_A
    near = ((copies >= low) & (copies <= high)).all(axis=1)
    return copies[near], origin[near]


def is_sheet(positions_A: Array, lattice_A: Array) -> bool:
    """Return whether a cell holds one layer in the plane of its first two vectors."""
    normal = np.cross(lattice_A[0], lattice_A[1])
    along = positions_A @ (normal / np.linalg.norm(normal))
    return bool(np.ptp(along) < FLAT_A <= heights(lattice_A)[2] - FLAT_A)
