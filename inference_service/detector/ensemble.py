"""Look at a whole frame with an ensemble: tile by tile, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.engines.engine import Engine
from inference_service.detector.heads import STRIDE_PX
from inference_service.detector.member_sums import Sum

__all__ = ["EnsembleMaps", "Sum", "look"]

FloatMap = NDArray[np.float32]

TILE_PX: Final = 512
"""Frames are cut into tiles of at most this side plus halo: bounds the engine's memory."""
HALO_PX: Final = 72
"""Overlap of the tiles: more than the 68 px a member looks around it; a multiple of 4."""


@dataclass(frozen=True)
class EnsembleMaps:
    """Sums over the members on the grid of cells."""

    sums: FloatMap
    """(len(Sum), rows / 2, columns / 2); all but P, P², contamination and vacuum carry p."""
    members: int

    def mean(self, quantity: Sum) -> FloatMap:
        """Mean over the members, (rows / 2, columns / 2)."""
        return np.asarray(self.sums[quantity] / np.float32(self.members))


def look(engine: Engine, image: FloatMap) -> EnsembleMaps:
    """Run all members over a normalised image and sum what they say.

    Args:
        engine: The ensemble.
        image: (rows, columns), sides multiples of 4.
    """
    rows, cols = (n // STRIDE_PX for n in image.shape)
    sums = np.zeros((len(Sum), rows, cols), dtype=np.float32)
    for top, bottom in spans(image.shape[0]):
        for left, right in spans(image.shape[1]):
            r0, r1 = max(0, top - HALO_PX), min(image.shape[0], bottom + HALO_PX)
            c0, c1 = max(0, left - HALO_PX), min(image.shape[1], right + HALO_PX)
            tile = engine.sums(image[r0:r1, c0:c1])
            inner = tile[
                :,
                (top - r0) // STRIDE_PX : (bottom - r0) // STRIDE_PX,
                (left - c0) // STRIDE_PX : (right - c0) // STRIDE_PX,
            ]
            sums[
                :,
                top // STRIDE_PX : bottom // STRIDE_PX,
                left // STRIDE_PX : right // STRIDE_PX,
            ] = inner
    return EnsembleMaps(sums, engine.members)


def spans(length: int) -> Iterator[tuple[int, int]]:
    """Cut a side into spans of at most `TILE_PX` plus half of it, so that no sliver remains."""
    start = 0
    while length - start > TILE_PX + TILE_PX // 2:
        yield start, start + TILE_PX
        start += TILE_PX
    yield start, length
