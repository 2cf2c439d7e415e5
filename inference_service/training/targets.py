"""What the network should say of each cell of a labelled frame."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from inference_service.detector.heads import (
    CELL_CENTRE_PX,
    NEGATIVE_RADIUS_PX,
    POSITIVE_RADIUS_PX,
    STRIDE_PX,
)
from inference_service.training.simulated_frame import LabelledFrame

__all__ = ["FREE", "NOTHING", "Plane", "cell_targets", "species_class"]

NOTHING = 0
"""Class of a cell without an atom; an atom's class is 1 + its index in ``heads.SPECIES``."""
FREE = -1
"""Class of a cell about which nothing is asked."""


class Plane(IntEnum):
    """Index of each quantity along the first axis of the targets."""

    CLASS = 0
    DX = 1
    DY = 2
    COVER = 3
    VACUUM = 4


def species_class(number: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 1 for C (and B, N, O), 2 for silicon, 3 for anything brighter."""
    return np.where(number <= 8, 1, np.where(number == 14, 2, 3))


def cell_targets(frame: LabelledFrame) -> NDArray[np.float16]:
    """Rasterise the truth of a frame.

    Args:
        frame: at the canonical sampling, side a multiple of the stride.

    Returns:
        (len(Plane), side / 2, side / 2); offsets in px, zero where there is no atom.
    """
    cells = frame.image.shape[0] // STRIDE_PX
    index = np.arange(cells) * STRIDE_PX + CELL_CENTRE_PX
    column, row = np.meshgrid(index, index)
    centres = np.column_stack([column.ravel(), row.ravel()])
    planes = np.zeros((len(Plane), cells * cells), dtype=np.float64)
    planes[Plane.COVER] = frame.cover.ravel()
    planes[Plane.VACUUM] = frame.vacuum.ravel()
    label = np.full(len(centres), NOTHING, dtype=np.int64)
    loose = _nearest(frame.xy_px[~frame.labelled], centres)[0] < NEGATIVE_RADIUS_PX
    label[loose & ~frame.cover.ravel()] = FREE
    known = frame.xy_px[frame.labelled]
    distance, which = _nearest(known, centres)
    label[distance < NEGATIVE_RADIUS_PX] = FREE
    hit = distance < POSITIVE_RADIUS_PX
    label[hit] = species_class(frame.number[frame.labelled])[which[hit]]
    offset = known[which[hit]] - centres[hit]
    planes[Plane.DX, hit], planes[Plane.DY, hit] = offset.T
    planes[Plane.CLASS] = label
    return planes.reshape(len(Plane), cells, cells).astype(np.float16)


def _nearest(
    points: NDArray[np.float64], centres: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return distance to and index of the nearest point; infinite where there is none near."""
    if len(points) == 0:
        return np.full(len(centres), np.inf), np.zeros(len(centres), dtype=np.int64)
    distance, which = cKDTree(points).query(centres, distance_upper_bound=NEGATIVE_RADIUS_PX)
    return distance, np.minimum(which, len(points) - 1)
