"""Atoms as bright points: local maxima of a difference of Gaussians.

The classical way to find atoms, and the first step of labelling: no network, no prior. The inner
Gaussian is about as wide as an atom's image, which suppresses noise; the outer one removes what
changes slowly. Points much fainter than the typical one are noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["PointSettings", "bright_points", "intensities"]

FloatMap = NDArray[np.float32]
FloatArray = NDArray[np.float64]

TYPICAL_PERCENTILE: Final = 75.0
"""Answer of a typical atom among all local maxima, noise included."""


@dataclass(frozen=True)
class PointSettings:
    """How points are found; tuned on simulated graphene of 1e5 to 6e6 e/Å²."""

    inner_A: float = 0.3
    """Width of the Gaussian that sees an atom, Å."""
    outer_A: float = 0.6
    """Width of the Gaussian that sees what changes slowly, Å."""
    apart_A: float = 0.5
    """Half side of the square in which a point is the brightest: below half of any bond, Å."""
    least: float = 0.3
    """Answer of the faintest point over the typical atom's."""


def bright_points(
    image: FloatMap, pixel_size_A: float, settings: PointSettings | None = None
) -> tuple[FloatArray, FloatArray]:
    """Find the bright points of an image.

    Args:
        image: (rows, columns), finite, in any unit.
        pixel_size_A: Edge of a pixel, Å.
        settings: How; the tuned ones by default.

    Returns:
        Positions (n, 2) column, row, to a fraction of a pixel, and answers (n,) over the typical
        atom's.
    """
    chosen = settings or PointSettings()
    answer = ndimage.gaussian_filter(image, chosen.inner_A / pixel_size_A)
    answer -= ndimage.gaussian_filter(image, chosen.outer_A / pixel_size_A)
    side = 2 * max(1, round(chosen.apart_A / pixel_size_A)) + 1
    top = answer == ndimage.maximum_filter(answer, size=side, mode="nearest")
    rows, cols = np.nonzero(top & (answer > 0))
    if len(rows) == 0:
        return np.empty((0, 2)), np.empty(0)
    typical = np.percentile(answer[rows, cols], TYPICAL_PERCENTILE)
    bright = answer[rows, cols] >= chosen.least * typical
    rows, cols = rows[bright], cols[bright]
    height = (answer[rows, cols] / typical).astype(np.float64)
    return vertices(answer, rows, cols), height


def vertices(answer: FloatMap, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> FloatArray:
    """Refine each maximum (n, 2) to the vertex of the parabola through its neighbours."""
    xy = np.stack([cols, rows], axis=1).astype(np.float64)
    padded = np.pad(answer, 1, mode="edge").astype(np.float64)
    here = padded[rows + 1, cols + 1]
    for axis, (down, right) in enumerate(((0, 1), (1, 0))):
        before = padded[rows + 1 - down, cols + 1 - right]
        after = padded[rows + 1 + down, cols + 1 + right]
        bend = np.minimum(before - 2 * here + after, -1e-30)
        xy[:, axis] += np.clip((before - after) / (2 * bend), -0.5, 0.5)
    return xy


def intensities(image: FloatMap, xy_px: FloatArray, window_px: int) -> FloatArray:
    """Return each point's mean over a square, as AtomAI's `get_intensities` does.

    Args:
        image: (rows, columns).
        xy_px: (n, 2) column, row.
        window_px: Side of the square, odd.
    """
    mean = ndimage.uniform_filter(image.astype(np.float64), window_px, mode="nearest")
    col, row = np.rint(xy_px).astype(np.intp).T
    at = np.clip(row, 0, image.shape[0] - 1), np.clip(col, 0, image.shape[1] - 1)
    return np.asarray(mean[at])
