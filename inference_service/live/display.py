"""The image as the screen shows it: eight bits, with a robust window, made once per frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["DisplayImage", "display_image"]

PERCENTILES: Final = (0.3, 99.7)
"""Counts shown black and white: single hot or dead pixels do not move them."""

SAMPLED_PIXELS: Final = 65_536
"""Pixels the window is estimated from: its error is then far below one grey level."""

LEVELS: Final = 255.0

FLAT: Final = 1e-6
"""Relative contrast below which single-precision pixels count as one flat value."""


@dataclass(frozen=True, slots=True)
class DisplayImage:
    """Grey levels and the counts they stand for."""

    levels: NDArray[np.uint8]
    """(rows, columns); 0 also where a pixel is not a number."""
    black: float
    """Counts at level 0, in the frame's own unit."""
    white: float
    """Counts at level 255; greater than `black`."""


def display_image(pixels: NDArray[np.generic]) -> DisplayImage:
    """Return the frame in grey levels between its robust darkest and brightest counts.

    Args:
        pixels: (rows, columns) of any real type; pixels that are not finite are shown black.
    """
    black, white = _window(pixels)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = pixels.astype(np.float32)
        scaled -= np.float32(black)
        scaled *= np.float32(LEVELS / (white - black))
    np.nan_to_num(scaled, copy=False, nan=0.0, posinf=LEVELS, neginf=0.0)
    np.clip(scaled, 0.0, LEVELS, out=scaled)
    np.rint(scaled, out=scaled)
    return DisplayImage(scaled.astype(np.uint8), black, white)


def _window(pixels: NDArray[np.generic]) -> tuple[float, float]:
    step = max(1, int(np.sqrt(pixels.size / SAMPLED_PIXELS)))
    sample = pixels[::step, ::step].astype(np.float64).ravel()
    finite = sample[np.isfinite(sample)]
    if finite.size == 0:
        return 0.0, 1.0
    black, white = (float(value) for value in np.percentile(finite, PERCENTILES))
    if white - black <= FLAT * max(abs(black), abs(white)):
        # A flat image: some room either way keeps it grey instead of dividing by nothing.
        room = max(1.0, FLAT * abs(black))
        return black - room, black + room
    return black, white
