"""A closed walk on the honeycomb lattice, and the patch of graphene that it encloses.

The rim of a hydrogen-capped cluster is a closed walk over atoms that have two or three neighbours
within the cluster. On a perfect lattice every step turns by 60 degrees, one way at a two-fold
atom and the other way at a three-fold one, so the sequence of neighbour counts alone (chemists
know it as the boundary code of a polyhex) fixes the walk, and with it the patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.units import CARBON_BOND_A

__all__ = ["Array", "canonical", "enclosed_sites", "walk"]

Array: TypeAlias = NDArray[np.float64]


def canonical(code: Sequence[int]) -> tuple[int, ...]:
    """Return the least of a cyclic code's rotations and reflections: its name."""
    forward, backward = list(code), list(code)[::-1]
    turns = [way[k:] + way[:k] for way in (forward, backward) for k in range(len(code))]
    return tuple(min(turns))


def walk(code: Sequence[int]) -> Array | None:
    """Walk anticlockwise along a rim.

    Args:
        code: Neighbours (2 or 3) of each rim atom within the cluster, anticlockwise.

    Returns:
        (n, 2) positions of the rim atoms, Å, the first at the origin; None where the walk does
        not close or runs into itself.
    """
    turns = np.where(np.asarray(code) == 2, 1, -1)
    heading = np.concatenate([[0], np.cumsum(turns[1:])])
    steps = CARBON_BOND_A * np.stack([np.cos(heading * np.pi / 3), np.sin(heading * np.pi / 3)], 1)
    corners = np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
    closed = np.linalg.norm(corners[-1]) < 0.01 and turns.sum() == 6
    distinct = len(np.unique(np.round(corners[:-1], 2) + 0.0, axis=0)) == len(code)
    return corners[:-1] if closed and distinct else None


def enclosed_sites(rim_A: Array) -> Array:
    """Return (m, 2) lattice sites strictly inside a rim, Å, in a fixed order.

    Args:
        rim_A: (n, 2) from `walk`.
    """
    first = CARBON_BOND_A * np.array([[1.5, np.sqrt(0.75)], [1.5, -np.sqrt(0.75)]])
    reach = int(np.ptp(rim_A, axis=0).max() / CARBON_BOND_A) + 3
    i, j = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    cells = np.stack([i, j], axis=1) @ first
    sites = np.concatenate([cells, cells + rim_A[1] - rim_A[0]])
    on_rim = (np.linalg.norm(sites[:, None] - rim_A[None], axis=2) < 0.1).any(axis=1)
    inside: Array = sites[~on_rim & _enclosed(sites, rim_A)]
    return inside


def _enclosed(points: Array, polygon: Array) -> NDArray[np.bool_]:
    """Return which points lie within a polygon (crossing number)."""
    a, b = polygon, np.roll(polygon, -1, axis=0)
    x, y = points[:, :1], points[:, 1:]
    spans = (a[:, 1] > y) != (b[:, 1] > y)
    rise = np.where(a[:, 1] == b[:, 1], 1.0, b[:, 1] - a[:, 1])
    crossing = a[:, 0] + (y - a[:, 1]) / rise * (b[:, 0] - a[:, 0])
    return np.asarray((spans & (x < crossing)).sum(axis=1) % 2 == 1)
