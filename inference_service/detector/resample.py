"""Bring an image to another sampling, and positions back.

The two grids share the image's outer edge, not a pixel centre: with pixel centres at integers
the first pixel spans -0.5 .. 0.5, so a position maps as (x + 0.5) / factor - 0.5. Resampling is
separable and interpolates linearly under a triangle as wide as the coarser of the two pixels,
which suppresses what the coarser grid cannot carry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["Grid", "pad_to_multiple", "resample"]

FloatImage = NDArray[np.float32]


@dataclass(frozen=True)
class Grid:
    """How one sampling maps on another; a factor is new pixel size over old."""

    factor: float

    def to_new(self, old_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions on the new grid of positions on the old one, either axis, px."""
        return (old_px + 0.5) / self.factor - 0.5

    def to_old(self, new_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions on the old grid of positions on the new one, either axis, px."""
        return (new_px + 0.5) * self.factor - 0.5

    def new_length(self, old: int) -> int:
        """Pixels that the new grid needs to cover `old` pixels: the last may reach beyond."""
        return max(1, int(np.ceil(old / self.factor - 1e-6)))


def resample(image: FloatImage, grid: Grid) -> FloatImage:
    """Resample an image, anti-aliased.

    Args:
        image: (rows, columns), finite.
        grid: The mapping; a factor within 0.1 % of 1 leaves the image as it is.

    Returns:
        (new rows, new columns) float32.
    """
    if abs(grid.factor - 1.0) < 1e-3:
        return image
    rows = interpolation_matrix(image.shape[0], grid)
    cols = interpolation_matrix(image.shape[1], grid)
    half = np.asarray(rows @ image, dtype=np.float32)
    return np.ascontiguousarray((cols @ half.T).T, dtype=np.float32)


def interpolation_matrix(length: int, grid: Grid) -> sparse.csr_array:
    """Sparse weights of one axis, (new, old); each row sums to 1, edges are extended."""
    new = np.arange(grid.new_length(length), dtype=np.float64)
    centre = grid.to_old(new)
    width = max(1.0, grid.factor)
    reach = int(np.ceil(width))
    taps = np.floor(centre)[:, None] + np.arange(-reach, reach + 2)[None, :]
    weights = np.maximum(0.0, 1.0 - np.abs(taps - centre[:, None]) / width)
    weights /= weights.sum(axis=1, keepdims=True)
    columns = np.clip(taps, 0, length - 1).astype(np.intp)
    index = np.repeat(new.astype(np.intp), taps.shape[1])
    matrix = sparse.coo_array(
        (weights.ravel().astype(np.float32), (index, columns.ravel())), shape=(len(new), length)
    )
    return matrix.tocsr()


def pad_to_multiple(image: FloatImage, multiple: int) -> FloatImage:
    """Extend an image to the right and below, mirrored, until both sides divide by `multiple`."""
    rows, cols = image.shape
    below, right = -rows % multiple, -cols % multiple
    if below == 0 and right == 0:
        return image
    return np.pad(image, ((0, below), (0, right)), mode="symmetric")
