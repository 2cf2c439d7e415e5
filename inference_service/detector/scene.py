"""The pixels a fit works on: binned where the scan oversamples, whole or a part of the frame.

A probe is about 1 Å wide; pixels of half its standard deviation cost less than 2 % of what a
frame says about positions, and a quarter of the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.background import Background
from inference_service.detector.joint_fit import Fit, Threads

__all__ = ["Scene", "binned", "binning"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

WIDEST_BIN_A: Final = 0.24
"""Pixels are binned up to this size."""
NODE_SPACING_A: Final = 8.0
"""Spacing of the background's nodes: wide against a ring, narrow against a dirt patch."""
WINDOW_A: Final = 40.0
"""Side of the part of the frame on which probe and noise are measured."""
WINDOW_STEPS: Final = 4
"""Places tried for it along each axis."""
RIM_A: Final = 2.0
"""The frame's own rim is left out: nobody fits the atoms outside that reach into it, and a probe
fitted to them would lose its tails."""
MARGIN_A: Final = 2.0
"""Atoms this far outside still reach in."""


@dataclass(frozen=True)
class Scene:
    """An image to fit and how far to believe its pixels."""

    image: FloatImage
    """(rows, columns), finite."""
    trust: FloatImage | None
    """(rows, columns) factor on the weight, 0 for pixels not to be believed; None: all 1."""
    background: Background
    pixel_size_A: float
    threads: Threads

    @classmethod
    def of(
        cls, image: FloatImage, trust: FloatImage | None, pixel_size_A: float, threads: Threads
    ) -> Scene:
        """Lay a background's nodes over an image."""
        spacing = NODE_SPACING_A / pixel_size_A
        return cls(image, trust, Background.spanning(image.shape, spacing), pixel_size_A, threads)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.image.shape[0], self.image.shape[1]

    def window(self, fit: Fit) -> Window:
        """The square with the most sure atoms, with those in and around it on its own pixels."""
        size, rim = (round(length / self.pixel_size_A) for length in (WINDOW_A, RIM_A))
        rim = min(rim, min(self.shape) // 5)
        row, column = busiest_corner(fit.atoms[fit.sure, :2], self.shape, size, rim)
        part = tuple(
            slice(first, min(first + size, length - rim))
            for first, length in zip((row, column), self.shape, strict=True)
        )
        image = np.ascontiguousarray(self.image[part])
        trust = None if self.trust is None else np.ascontiguousarray(self.trust[part])
        scene = Scene.of(image, trust, self.pixel_size_A, self.threads)
        atoms = fit.atoms - np.array([column, row, 0.0])
        margin = MARGIN_A / self.pixel_size_A
        inside = (atoms[:, :2] > -margin) & (atoms[:, :2] < np.array(image.shape[::-1]) + margin)
        members = np.flatnonzero(inside.all(axis=1))
        nodes = np.full(scene.background.shape, float(np.median(fit.nodes)))
        local = Fit(atoms[members], nodes, fit.sure[members])
        return Window(scene, local, members, (row, column))


@dataclass(frozen=True)
class Window:
    """A part of a scene that stands on its own."""

    scene: Scene
    fit: Fit
    """State of the atoms in and just around it, on its pixels."""
    members: NDArray[np.intp]
    """Which of the whole scene's atoms they are."""
    corner: tuple[int, int]
    """First row and column."""

    def taught(self, whole: Fit, local: Fit, background: Background) -> Fit:
        """Carry over to the whole scene, with its background, what was fitted in the part."""
        before, after = self.fit.atoms, local.atoms
        sure = local.sure if local.sure.any() else ~local.sure
        atoms = whole.atoms.copy()
        atoms[:, :2] += np.median((after - before)[sure, :2], axis=0)
        ratio = after[sure, 2] / np.maximum(np.abs(before[sure, 2]), 1e-30)
        atoms[:, 2] *= max(float(np.median(ratio)), 0.1)
        atoms[self.members, :2] = whole.atoms[self.members, :2] + (after - before)[:, :2]
        atoms[self.members, 2] = after[:, 2]
        level = self.scene.background.image(local.nodes)
        rows, columns = (
            np.clip(np.rint(place) - first, 0, length - 1).astype(np.intp)
            for place, first, length in zip(
                background.places, self.corner, self.scene.shape, strict=True
            )
        )
        return Fit(atoms, level[np.ix_(rows, columns)].astype(np.float64), whole.sure)


def busiest_corner(
    xy_px: FloatArray, shape: tuple[int, int], size: int, rim: int
) -> tuple[int, int]:
    """First row and column of the square of this size, clear of the rim, with most positions."""
    rows, cols = (
        np.unique(np.linspace(rim, max(rim, n - size - rim), WINDOW_STEPS).astype(int))
        for n in shape
    )
    x, y = xy_px.T
    in_column = (x >= cols[:, None]) & (x < cols[:, None] + size)
    in_row = (y >= rows[:, None]) & (y < rows[:, None] + size)
    count = in_row.astype(np.float32) @ in_column.astype(np.float32).T
    i, j = np.unravel_index(int(np.argmax(count)), count.shape)
    return int(rows[i]), int(cols[j])


def binning(pixel_size_A: float) -> int:
    """How many pixels to put together along each axis."""
    return max(1, int(WIDEST_BIN_A / pixel_size_A))


def binned(
    image: FloatImage, valid: NDArray[np.bool_] | None, factor: int
) -> tuple[FloatImage, FloatImage | None]:
    """Average squares of pixels, those to be believed only.

    Args:
        image: (rows, columns), at least `factor` each; rows and columns left over are dropped.
        valid: (rows, columns) pixels to believe; None: all.
        factor: Pixels along each axis.

    Returns:
        The averages, and the share of believed pixels in each; None: all of them.
    """
    if valid is None or valid.all():
        return np.asarray(block_sum(image, factor) / np.float32(factor**2)), None
    count = block_sum(valid.astype(np.float32), factor)
    total = block_sum(np.where(valid, image, np.float32(0.0)), factor)
    share = count / np.float32(factor**2)
    return np.asarray(total / np.maximum(count, np.float32(1.0))), np.asarray(share)


def block_sum(image: FloatImage, factor: int) -> FloatImage:
    """Sum squares of factor x factor pixels."""
    rows, cols = (n // factor * factor for n in image.shape)
    along = image[:rows:factor, :cols].astype(np.float32)
    for k in range(1, factor):
        along += image[k:rows:factor, :cols]
    total = np.ascontiguousarray(along[:, ::factor])
    for k in range(1, factor):
        total += along[:, k::factor]
    return total
