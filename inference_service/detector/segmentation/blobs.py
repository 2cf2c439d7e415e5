"""Find atoms in painted classes: one candidate per blob of the ensemble's mean.

AtomAI thresholds each class by itself and takes the centroid of the binary blob, so that one atom
may appear in two classes and touching blobs merge. Here the classes are summed first, peaks are
found on a lightly smoothed map, and the position is the vertex of a parabola through the logarithm
of the smoothed map, whose step error measured 0.3 pm against the centroid's 1.2 pm. A member's own
vertex at the same pixel says how far the members disagree.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference_service.detector.decode import Candidates, without_duplicates
from inference_service.detector.normalise import CANONICAL_PIXEL_A
from inference_service.detector.segmentation.description import Segmentation

__all__ = ["PaintedSums"]

FloatMap = NDArray[np.float32]
FloatArray = NDArray[np.float64]

SMOOTHED_A: Final = 0.2
"""Width of the Gaussian over the painted discs, which are flat inside; half a disc's radius."""
NEIGHBOURHOOD_A: Final = 0.5
"""Side of the square in which a peak is the highest."""
FARTHEST_PX: Final = 2.0
"""Longest step from a pixel to the vertex."""
STATED_SIGMA_A: Final = 0.06
"""One-axis position error of a painted blob, which such a network does not state, Å. A well-trained
U-Net measured 4 to 8 pm per axis between 6.4e6 and 1e5 e/Å² on frames by wave physics."""
LIGHT: Final = ("C", "B", "N", "O")
"""Elements that count as carbon until the fit has seen their brightness."""


class PaintedSums:
    """Sums over the members, on the pixels of one tile.

    Args:
        description: How to read the maps.
        shape: Rows and columns of the tile.
    """

    def __init__(self, description: Segmentation, shape: tuple[int, int]) -> None:
        self._description = description
        self._sigma_px = SMOOTHED_A / description.pixel_size_A
        self._members = 0
        self._classes = np.zeros((len(description.classes), *shape), dtype=np.float32)
        self._squares = np.zeros(shape, dtype=np.float32)
        self._steps = np.zeros((2, *shape), dtype=np.float32)
        self._step_squares = np.zeros((2, *shape), dtype=np.float32)
        self._weight = np.zeros(shape, dtype=np.float32)

    def add(self, maps: FloatMap) -> None:
        """Add one member's (channels, rows, columns)."""
        classes = maps[: len(self._classes)]
        atom = classes.sum(axis=0)
        smooth = self._smoothed(atom)
        steps = vertex_steps(smooth)
        self._members += 1
        self._classes += classes
        self._squares += atom**2
        self._weight += smooth
        self._steps += smooth * steps
        self._step_squares += smooth * steps**2

    def candidates(self) -> Candidates:
        """Return the candidates on the tile's pixels, most probable first."""
        atom = self._classes.sum(axis=0) / np.float32(self._members)
        smooth = self._smoothed(atom)
        side = 2 * round(NEIGHBOURHOOD_A / self._description.pixel_size_A / 2) + 1
        top = smooth == ndimage.maximum_filter(smooth, size=side, mode="constant")
        rows, cols = np.nonzero(top & (atom >= self._description.threshold))
        order = np.argsort(-atom[rows, cols], kind="stable")
        rows, cols = rows[order], cols[order]
        found = self._candidates_at(rows, cols, atom, vertex_steps(smooth))
        canonical = found.xy_px * (self._description.pixel_size_A / CANONICAL_PIXEL_A)
        return found.take(without_duplicates(canonical))

    def _candidates_at(
        self, rows: NDArray[np.intp], cols: NDArray[np.intp], atom: FloatMap, steps: FloatMap
    ) -> Candidates:
        p = np.minimum(atom[rows, cols].astype(np.float64), 1.0)
        squares = self._squares[rows, cols] / self._members
        weight = np.maximum(self._weight[rows, cols], 1e-9)
        mean_step = self._steps[:, rows, cols] / weight
        spread = np.sqrt(
            np.maximum(self._step_squares[:, rows, cols] / weight - mean_step**2, 0.0)
        ).T.astype(np.float64)
        pixels = np.stack([cols, rows], axis=1).astype(np.float64)
        xy = pixels + steps[:, rows, cols].T.astype(np.float64)
        return Candidates(
            xy_px=xy,
            p=p,
            p_spread=np.sqrt(np.maximum(squares - p**2, 0.0)),
            sigma_xy_px=np.hypot(spread, STATED_SIGMA_A / self._description.pixel_size_A),
            spread_px=np.sqrt((spread**2).mean(axis=1)),
            species=self._species(rows, cols),
            contamination=np.zeros(len(p)),
        )

    def _species(self, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> FloatArray:
        """Probabilities (n, 3) of C, Si and X: the share of each class in the blob."""
        shares = np.zeros((len(rows), 3))
        for element, painted in zip(self._description.classes, self._classes, strict=True):
            column = 0 if element in LIGHT else 1 if element == "Si" else 2
            shares[:, column] += self._smoothed(painted)[rows, cols]
        return np.asarray(shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-12))

    def _smoothed(self, painted: FloatMap) -> FloatMap:
        return np.asarray(ndimage.gaussian_filter(painted, self._sigma_px), dtype=np.float32)


def vertex_steps(smooth: FloatMap) -> FloatMap:
    """Steps (2, rows, columns) along x and y from each pixel to its parabola's vertex, px."""
    height = np.log(np.maximum(smooth, np.float32(1e-6)))
    steps = np.zeros((2, *smooth.shape), dtype=np.float32)
    for axis, step in ((1, steps[0]), (0, steps[1])):
        before, here, after = (np.swapaxes(height, 0, axis)[i : i - 2 or None] for i in range(3))
        bend = np.minimum(before - 2 * here + after, np.float32(-1e-4))
        vertex = np.clip((before - after) / (2 * bend), -FARTHEST_PX, FARTHEST_PX)
        np.swapaxes(step, 0, axis)[1:-1] = vertex
    return steps
