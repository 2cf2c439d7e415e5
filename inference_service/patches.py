"""What the microscope showed at each ROI: a small copy of pixels that outlives its frame.

The ring forgets a frame within minutes; an answer is compared with its measurement long after.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.records import FrameRecord
from shared.messages import Roi

__all__ = ["Patch", "PatchShelf"]

MARGIN_A: Final = 2.0
"""Shown beyond the cut-out: an atom on its rim has neighbours."""

LARGEST_SIDE_PX: Final = 1024


@dataclass(frozen=True, slots=True)
class Patch:
    """Pixels about a ROI, and where they lie in their frame."""

    frame: str
    frame_index: int
    pixels: NDArray[np.generic]
    """(rows, columns), a copy of the frame's own counts."""
    pixel_size_A: float
    x_A: float
    """Of the centre of the first pixel, in its frame: column times pixel size, Å."""
    y_A: float


class PatchShelf:
    """Keeps one patch for each ROI, the longest untouched forgotten first.

    Args:
        max_bytes: Bytes of pixels kept, over all ROIs.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._patches: OrderedDict[str, Patch] = OrderedDict()
        self._nbytes = 0

    def capture(self, roi: Roi, record: FrameRecord | None) -> Patch | None:
        """Keep what a ROI's frame shows of it; an earlier patch stays where that is not known.

        Args:
            roi: As last told.
            record: Its frame, None where the ring has forgotten it.

        Returns:
            The patch kept now, if there is one.
        """
        known = self._patches.get(roi.key)
        if record is None or (known is not None and known.frame == record.frame.name):
            return known
        patch = _cut(roi, record)
        if patch is None:
            return known
        if known is not None:
            self._nbytes -= self._patches.pop(roi.key).pixels.nbytes
        self._patches[roi.key] = patch
        self._nbytes += patch.pixels.nbytes
        while self._nbytes > self._max_bytes and len(self._patches) > 1:
            _, forgotten = self._patches.popitem(last=False)
            self._nbytes -= forgotten.pixels.nbytes
        return patch

    def get(self, roi: str) -> Patch | None:
        """Return the patch of a ROI by its key."""
        return self._patches.get(roi)


def _cut(roi: Roi, record: FrameRecord) -> Patch | None:
    if record.analysis is None:
        return None
    header = record.analysis.header
    size_A = header.pixel_size_A
    row_A, column_A = header.drift_A
    reach = min((roi.radius_A + MARGIN_A) / size_A, LARGEST_SIDE_PX / 2)
    x, y = (roi.x_A - column_A) / size_A, (roi.y_A - row_A) / size_A
    rows, columns = record.pixels.shape
    left, right = max(0, round(x - reach)), min(columns, round(x + reach) + 1)
    top, bottom = max(0, round(y - reach)), min(rows, round(y + reach) + 1)
    if right - left < 2 or bottom - top < 2:
        return None
    return Patch(
        frame=record.frame.name,
        frame_index=record.frame.index,
        pixels=record.pixels[top:bottom, left:right].copy(),
        pixel_size_A=size_A,
        x_A=left * size_A,
        y_A=top * size_A,
    )
