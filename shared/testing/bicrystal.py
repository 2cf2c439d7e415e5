"""Two grains of graphene joined by a grain boundary.

The centres of graphene's hexagons form a triangular lattice. Two such lattices, tilted against
each other and left to settle where they meet, give a triangulation whose points have five, six
or seven neighbours; its dual, one atom per triangle, is a sheet of pentagons, hexagons and
heptagons in which every atom has three bonds. No boundary has to be drawn by hand.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, cKDTree

from shared.testing.sheet import Sheet, spring_pull
from shared.units import GRAPHENE_LATTICE_A

__all__ = ["bicrystal"]

CLOSEST: Final = 0.62
"""Share of the lattice constant below which two points of different grains are merged."""

SETTLING: Final = 40
"""Steps in which the points near the boundary settle."""

MARGIN_A: Final = 6.0
"""Points beyond the box, so that its border is ordinary sheet."""


def bicrystal(size_A: tuple[float, float], misorientation_deg: float) -> Sheet:
    """Return a symmetric tilt boundary running along y through the middle of a box.

    Args:
        size_A: (width, height) of the box, Å.
        misorientation_deg: Angle between the grains; 21.8 and 32.2 are the commonest.
    """
    half = misorientation_deg / 2
    left, right = (_points(size_A, angle) for angle in (30.0 + half, 30.0 - half))
    middle = size_A[0] / 2
    points = np.concatenate([left[left[:, 0] < middle], right[right[:, 0] >= middle]])
    points = _merged(points)
    mobile = np.abs(points[:, 0] - middle) < 3 * GRAPHENE_LATTICE_A
    for _ in range(SETTLING):
        points = points + np.where(mobile[:, None], 0.2 * _pull(points), 0.0)
    return _dual(points, size_A).pruned().relaxed()


def _points(size_A: tuple[float, float], angle_deg: float) -> NDArray[np.float64]:
    """Return a triangular lattice over the box and its margin, turned about the box's centre."""
    reach = int((np.hypot(*size_A) + 2 * MARGIN_A) / GRAPHENE_LATTICE_A) + 3
    i, j = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    grid = GRAPHENE_LATTICE_A * np.stack([i + 0.5 * j, np.sqrt(0.75) * j], axis=1)
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    turned = grid @ np.array([[cos, sin], [-sin, cos]]) + np.asarray(size_A) / 2
    inside = ((turned > -MARGIN_A) & (turned < np.asarray(size_A) + MARGIN_A)).all(axis=1)
    return np.asarray(turned[inside], dtype=float)


def _merged(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the points with pairs that are too close replaced by their middle."""
    while len(close := cKDTree(points).query_pairs(CLOSEST * GRAPHENE_LATTICE_A)):
        i, j = min(close, key=lambda pair: float(np.hypot(*(points[pair[0]] - points[pair[1]]))))
        middle = points[[i, j]].mean(axis=0)
        points = np.vstack([np.delete(points, [i, j], axis=0), middle])
    return points


def _pull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 2) pulls of springs of one lattice constant along the triangulation."""
    edges = _edges(Delaunay(points).simplices)
    return spring_pull(points, edges, np.full(len(edges), GRAPHENE_LATTICE_A))


def _edges(triangles: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return (m, 2) distinct sides of triangles."""
    sides = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]])
    return np.unique(np.sort(sides.astype(np.int64), axis=1), axis=0)


def _dual(points: NDArray[np.float64], size_A: tuple[float, float]) -> Sheet:
    """Return the sheet with one atom per triangle within the box."""
    mesh = Delaunay(points)
    atoms = points[mesh.simplices].mean(axis=1)
    inside = ((atoms > 0) & (atoms < size_A)).all(axis=1)
    number = np.cumsum(inside) - 1
    bonds = {
        (min(int(number[a]), int(number[b])), max(int(number[a]), int(number[b])))
        for a, around in enumerate(mesh.neighbors)
        for b in around.tolist()
        if b >= 0 and inside[a] and inside[b]
    }
    count = int(inside.sum())
    return Sheet(atoms[inside], ("C",) * count, frozenset(bonds))
