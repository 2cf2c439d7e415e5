"""The box around a cluster: vacuum on every side, or the paper's cube."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.errors import StructureError

__all__ = ["DECIMALS", "PAPER_EDGE_A", "VACUUM_A", "boxed"]

Array: TypeAlias = NDArray[np.float64]

VACUUM_A: Final = 8.0
"""Vacuum between the outermost atom and each face of the box, Å."""

DECIMALS: Final = 8
"""Digits after the point that extended XYZ keeps; the rest is dropped before, not by, writing."""

PAPER_EDGE_A: Final = 25.786
"""Edge of the cube that the AICrystallographer paper uses, Å."""


def boxed(
    positions_A: Array, edge_A: float | None = None
) -> tuple[Array, tuple[float, float, float]]:
    """Centre a cluster in its box.

    Args:
        positions_A: (n, 3) x, y, z in Å.
        edge_A: Edge of a cube; None = as large as the cluster and the vacuum need.

    Returns:
        The moved positions, all inside the box, and the box's three edges in Å.

    Raises:
        StructureError: The cluster does not fit into the cube.
    """
    low, high = positions_A.min(axis=0), positions_A.max(axis=0)
    edges = high - low + 2 * VACUUM_A if edge_A is None else np.full(3, edge_A)
    if np.any(high - low >= edges):
        raise StructureError(
            f"A cluster {np.max(high - low):.1f} Å wide does not fit into a {edge_A} Å cube.",
            remedy="Choose a smaller radius, or no fixed box.",
        )
    edges = np.round(edges, DECIMALS)
    moved: Array = np.round(positions_A + (edges / 2 - (low + high) / 2), DECIMALS)
    return moved, (float(edges[0]), float(edges[1]), float(edges[2]))
