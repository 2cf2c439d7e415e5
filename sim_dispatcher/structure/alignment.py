"""Lay one copy of a set of atoms over another."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["aligned", "rigid_motion"]

Array: TypeAlias = NDArray[np.float64]


def rigid_motion(moving_A: Array, target_A: Array) -> tuple[Array, Array]:
    """Return the proper rotation and shift that bring one set closest to another.

    Kabsch's algorithm, doi:10.1107/S0567739476001873; works in two and in three dimensions.

    Args:
        moving_A: (n, d) positions, Å.
        target_A: (n, d) positions of the same atoms, Å.

    Returns:
        (d, d) rotation R and (d,) shift t: target is close to `moving @ R.T + t`.
    """
    centre, goal = moving_A.mean(axis=0), target_A.mean(axis=0)
    left, _, right = np.linalg.svd((moving_A - centre).T @ (target_A - goal))
    flip = np.ones(len(centre))
    flip[-1] = np.sign(np.linalg.det(left @ right))
    rotation: Array = (left * flip @ right).T
    return rotation, goal - rotation @ centre


def aligned(moving_A: Array, target_A: Array) -> Array:
    """Return the moving atoms, rigidly laid over the target's."""
    rotation, shift = rigid_motion(moving_A, target_A)
    return moving_A @ rotation.T + shift
