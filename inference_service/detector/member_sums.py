"""What is summed over the members of an ensemble, cell by cell.

Members are averaged as probabilities, not as logits: the mean probability is the ensemble's
predictive distribution, and a single member that is blind to an atom lowers it by its share
instead of vetoing it. Offsets and species are averaged with each member's own probability as the
weight, so members that see nothing at a cell do not speak about where it is.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.compiled import compiled
from inference_service.detector.heads import Channel

__all__ = ["SILENT_LOGIT", "Sum", "accumulate"]

SILENT_LOGIT: Final = -6.2
"""Cells below it, p = 0.002, do not speak of positions."""


class Sum(IntEnum):
    """What is summed over the members, first axis of the sums."""

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


_OBJECTNESS, _DX, _DY = int(Channel.OBJECTNESS), int(Channel.DX), int(Channel.DY)
_LOG_VARIANCE, _SPECIES = int(Channel.LOG_VARIANCE), int(Channel.SPECIES_C)
_CONTAMINATION, _VACUUM = int(Channel.CONTAMINATION), int(Channel.VACUUM)


@compiled
def accumulate(heads: NDArray[np.float32], sums: NDArray[np.float32]) -> None:  # pragma: no cover
    """Add one member's (channels, rows, columns) heads to the (len(Sum), rows, columns) sums."""
    _, rows, cols = heads.shape
    for i in range(rows):
        for j in range(cols):
            sums[10, i, j] += 1.0 / (1.0 + np.exp(-heads[_CONTAMINATION, i, j]))
            sums[11, i, j] += 1.0 / (1.0 + np.exp(-heads[_VACUUM, i, j]))
            logit = heads[_OBJECTNESS, i, j]
            if logit < SILENT_LOGIT:
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
