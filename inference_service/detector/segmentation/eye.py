"""Look at a frame with an ensemble that paints classes: pixels in, candidate atoms out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.decode import Candidates, without_duplicates
from inference_service.detector.model import Model
from inference_service.detector.normalise import CANONICAL_PIXEL_A
from inference_service.detector.resample import Grid, pad_to_multiple, resample
from inference_service.detector.segmentation.blobs import PaintedSums
from inference_service.detector.segmentation.description import Segmentation, read_segmentation
from inference_service.detector.segmentation.member import open_members, paint, scaled

__all__ = ["SegmentationEye", "open_eye"]

FloatMap = NDArray[np.float32]

TILE_PX: Final = 1024
"""Frames are cut into tiles of about this side plus halo: bounds the activations in memory."""
HALO_PX: Final = 160
"""Overlap of the tiles: more than a default U-Net sees around a pixel."""


class SegmentationEye:
    """An ensemble that paints, ready to look.

    Args:
        model: A verified ensemble.
        description: What its manifest says of it.
        threads: Threads of the engine.
    """

    key = "onnx-fp32"
    """Runtime and arithmetic; there is no other choice for a network this heavy."""

    def __init__(self, model: Model, description: Segmentation, threads: int) -> None:
        self._description = description
        self._sessions = open_members(model, description, threads)

    @property
    def members(self) -> int:
        """Number of independent members."""
        return len(self._sessions)

    def close(self) -> None:
        """Give the sessions' memory back."""
        self._sessions.clear()

    def see(self, image: FloatMap, pixel_size_A: float) -> Candidates:
        """Find candidates.

        Args:
            image: (rows, columns), finite, in any unit.
            pixel_size_A: Edge of a pixel, Å.

        Returns:
            Candidates on the frame's own pixels, most probable first; those beyond its last pixel,
            on the padding, included.
        """
        grid = Grid(self._description.pixel_size_A / pixel_size_A)
        fitting = scaled(resample(image, grid))
        padded = pad_to_multiple(fitting, self._description.multiple_px)
        found = joined([self._tile(padded, rows, cols) for rows, cols in self._tiles(padded)])
        order = np.argsort(-found.p, kind="stable")
        found = found.take(order)
        canonical = found.xy_px * (self._description.pixel_size_A / CANONICAL_PIXEL_A)
        return found.take(without_duplicates(canonical)).on_grid(grid)

    def _tiles(self, image: FloatMap) -> Iterator[tuple[slice, slice]]:
        """Cut the image into tiles whose sides divide as the network asks."""
        step = TILE_PX - TILE_PX % self._description.multiple_px
        for rows in spans(image.shape[0], step):
            for cols in spans(image.shape[1], step):
                yield rows, cols

    def _tile(self, image: FloatMap, rows: slice, cols: slice) -> Candidates:
        """Find the candidates of one tile, looking at its surroundings too."""
        multiple = self._description.multiple_px
        halo = HALO_PX + -HALO_PX % multiple
        top, left = max(0, rows.start - halo), max(0, cols.start - halo)
        around = image[top : rows.stop + halo, left : cols.stop + halo]
        sums = PaintedSums(self._description, (around.shape[0], around.shape[1]))
        for session in self._sessions:
            sums.add(paint(session, around))
        found = sums.candidates()
        found.xy_px[:] += (left, top)
        x, y = found.xy_px.T
        low_x, low_y = cols.start - 0.5, rows.start - 0.5
        high_x, high_y = cols.stop - 0.5, rows.stop - 0.5
        first, last = (cols.start == 0, rows.start == 0), image.shape
        inside = ((x >= low_x) | first[0]) & ((x < high_x) | (cols.stop == last[1]))
        inside &= ((y >= low_y) | first[1]) & ((y < high_y) | (rows.stop == last[0]))
        return found.take(np.nonzero(inside)[0])


def open_eye(folder: Path, model: Model, threads: int) -> SegmentationEye | None:
    """Open the ensemble of a folder if it paints classes; None where it does not.

    Raises:
        ModelError: Its description or a member is not valid.
    """
    description = read_segmentation(folder)
    return None if description is None else SegmentationEye(model, description, threads)


def spans(length: int, step: int) -> Iterator[slice]:
    """Cut a side into spans of `step`, the last up to half as long again."""
    start = 0
    while length - start > step + step // 2:
        yield slice(start, start + step)
        start += step
    yield slice(start, length)


def joined(parts: list[Candidates]) -> Candidates:
    """Put the tiles' candidates into one list."""
    names = tuple(Candidates.__dataclass_fields__)
    return Candidates(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
