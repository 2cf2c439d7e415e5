"""Where amorphous matter covers the sheet: its area and its outlines.

The members' mean probability of cover is cut at one half. Outlines run along the cells' edges,
simplified to within a cell (Douglas and Peucker 1973, doi:10.3138/FM57-6770-U75U-7727).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference_service.detector.heads import STRIDE_PX
from inference_service.detector.resample import Grid

__all__ = ["Cover", "Outline", "cover_of"]

Corner: TypeAlias = tuple[int, int]
Outline: TypeAlias = tuple[tuple[float, float], ...]
"""(column, row) vertices of a closed line, px; the last one joins the first."""

COVERED_FROM: Final = 0.5
LEAST_CELLS: Final = 24
"""Patches below 4 Å² count for the area and get no outline."""
TOLERANCE_CELLS: Final = 1.0
MOST_CORNERS: Final = 240
"""As many as the header of a message holds beside everything else."""


@dataclass(frozen=True)
class Cover:
    """What lies on the sheet."""

    fraction: float
    """Covered share of the frame's area."""
    outlines_px: tuple[Outline, ...] = ()
    """Rims of the patches and of the gaps in them, on the frame's own pixels; a point is covered
    where it lies inside an odd number of them."""

    def brief(self, corners: int = MOST_CORNERS) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Return the outlines on whole pixels, the largest first, at most so many corners."""
        kept = []
        for outline in self.outlines_px:
            corners -= len(outline)
            if corners < 0:
                break
            kept.append(tuple((round(x), round(y)) for x, y in outline))
        return tuple(kept)


def cover_of(probability: NDArray[np.float32], shape: tuple[int, int], grid: Grid) -> Cover:
    """Cut and outline the cover.

    Args:
        probability: (rows / 2, columns / 2) of the canonical grid, padding included.
        shape: (rows, columns) of the canonical image without padding.
        grid: From the frame's pixels to the canonical ones.
    """
    rows, cols = (max(1, n // STRIDE_PX) for n in shape)
    mask = probability[:rows, :cols] > COVERED_FROM
    rims = tuple(
        tuple((float(x), float(y)) for x, y in grid.to_old(np.array(rim) * STRIDE_PX - 0.5))
        for patch in patches(mask)
        for rim in rims_of(patch)
    )
    return Cover(float(mask.mean()), rims)


def patches(mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Split a mask into its connected parts of at least `LEAST_CELLS`, largest first."""
    label, count = ndimage.label(mask)
    sizes = np.bincount(label.ravel(), minlength=count + 1)[1:]
    order = np.argsort(-sizes, kind="stable")
    return [label == k + 1 for k in order if sizes[k] >= LEAST_CELLS]


def rims_of(patch: NDArray[np.bool_]) -> list[list[Corner]]:
    """Closed lines of (column, row) cell corners around a patch, simplified."""
    onward = edges(patch)
    rims = []
    while onward:
        start = next(iter(onward))
        rim, here = [start], step(onward, start)
        while here != start:
            rim.append(here)
            here = step(onward, here)
        rims.append(simplified(rim))
    return [rim for rim in rims if len(rim) > 2]


def edges(patch: NDArray[np.bool_]) -> dict[Corner, list[Corner]]:
    """From each corner the corners that follow it, the patch to the right of every edge."""
    padded = np.pad(patch, 1)
    onward: dict[Corner, list[Corner]] = defaultdict(list)
    for (di, dj), (first, second) in SIDES.items():
        neighbour = np.roll(padded, (-di, -dj), (0, 1))[1:-1, 1:-1]
        for i, j in np.argwhere(patch & ~neighbour):
            begin = (int(j) + first[0], int(i) + first[1])
            onward[begin].append((int(j) + second[0], int(i) + second[1]))
    return onward


SIDES: Final = {
    (-1, 0): ((0, 0), (1, 0)),
    (0, 1): ((1, 0), (1, 1)),
    (1, 0): ((1, 1), (0, 1)),
    (0, -1): ((0, 1), (0, 0)),
}
"""For each neighbour (row, column): begin and end (column, row) of the side shared with it."""


def step(onward: dict[Corner, list[Corner]], here: Corner) -> Corner:
    """Take an edge away and return where it leads."""
    following = onward[here].pop()
    if not onward[here]:
        del onward[here]
    return following


def simplified(rim: list[Corner]) -> list[Corner]:
    """Leave out corners nearer than `TOLERANCE_CELLS` to the line without them."""
    points = np.array([*rim, rim[0]], dtype=np.float64)
    middle = int(np.argmax(np.hypot(*(points - points[0]).T)))
    keep = {0, middle}
    spans = [(0, middle), (middle, len(rim))]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        away = distances(points[first + 1 : last], points[first], points[last])
        if away.max() > TOLERANCE_CELLS:
            worst = first + 1 + int(np.argmax(away))
            keep.add(worst)
            spans += [(first, worst), (worst, last)]
    return [rim[k] for k in sorted(keep)]


def distances(
    points: NDArray[np.float64], first: NDArray[np.float64], last: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance of (n, 2) points from the line through two others, (n,)."""
    along = last - first
    length = float(np.hypot(*along))
    if length == 0.0:
        return np.asarray(np.hypot(*(points - first).T))
    normal = np.array([-along[1], along[0]]) / length
    return np.asarray(np.abs((points - first) @ normal))
