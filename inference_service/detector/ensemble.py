"""Reduce the members' heads to one set of maps, in one pass and bounded memory.

Members are averaged as probabilities, not as logits: the mean probability is the ensemble's
predictive distribution, and a single member that is blind to an atom lowers it by its share
instead of vetoing it. Offsets and species are averaged with each member's own probability as the
weight, so members that see nothing at a cell do not speak about where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.compiled import compiled
from inference_service.detector.engine import Engine
from inference_service.detector.heads import STRIDE_PX, Channel

__all__ = ["EnsembleMaps", "Sum", "look"]

FloatMap = NDArray[np.float32]

TILE_PX: Final = 512
"""Frames are cut into tiles of at most this side plus halo: bounds the engine's memory."""
HALO_PX: Final = 72
"""Overlap of the tiles: more than the 68 px a member looks around it; a multiple of 4."""


class Sum(IntEnum):
    """What is summed over the members, first axis of `EnsembleMaps.sums`."""

    P = 0
    P_SQUARED = 1
    DX = 2
    DX_SQUARED = 3
    DY = 4
    DY_SQUARED = 5
    VARIANCE = 6
    SPECIES_C = 7
    SPECIES_SI = 8
    SPECIES_X = 9
    CONTAMINATION = 10
    VACUUM = 11


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
            tile = np.zeros(
                (len(Sum), (r1 - r0) // STRIDE_PX, (c1 - c0) // STRIDE_PX), dtype=np.float32
            )
            for heads in engine.run(image[r0:r1, c0:c1]):
                accumulate(heads, tile)
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


_OBJECTNESS, _DX, _DY = int(Channel.OBJECTNESS), int(Channel.DX), int(Channel.DY)
_LOG_VARIANCE, _SPECIES = int(Channel.LOG_VARIANCE), int(Channel.SPECIES_C)
_CONTAMINATION, _VACUUM = int(Channel.CONTAMINATION), int(Channel.VACUUM)


@compiled
def accumulate(heads: FloatMap, sums: FloatMap) -> None:  # pragma: no cover
    """Add one member's heads to the sums; cells below p = 0.002 do not speak of positions."""
    _, rows, cols = heads.shape
    for i in range(rows):
        for j in range(cols):
            sums[10, i, j] += 1.0 / (1.0 + np.exp(-heads[_CONTAMINATION, i, j]))
            sums[11, i, j] += 1.0 / (1.0 + np.exp(-heads[_VACUUM, i, j]))
            logit = heads[_OBJECTNESS, i, j]
            if logit < -6.2:
                continue
            p = 1.0 / (1.0 + np.exp(-logit))
            dx, dy = heads[_DX, i, j], heads[_DY, i, j]
            sums[0, i, j] += p
            sums[1, i, j] += p * p
            sums[2, i, j] += p * dx
            sums[3, i, j] += p * dx * dx
            sums[4, i, j] += p * dy
            sums[5, i, j] += p * dy * dy
            sums[6, i, j] += p * np.exp(heads[_LOG_VARIANCE, i, j])
            c, si, x = heads[_SPECIES, i, j], heads[_SPECIES + 1, i, j], heads[_SPECIES + 2, i, j]
            top = max(c, si, x)
            ec, es, ex = np.exp(c - top), np.exp(si - top), np.exp(x - top)
            share = p / (ec + es + ex)
            sums[7, i, j] += share * ec
            sums[8, i, j] += share * es
            sums[9, i, j] += share * ex
