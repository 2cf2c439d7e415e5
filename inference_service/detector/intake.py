"""Take an image in: refuse what is no image, repair what is only partly damaged, say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shared.errors import InputError

__all__ = ["Intake", "take_in"]

MIN_SIDE_PX: Final = 64
MAX_SIDE_PX: Final = 8192
"""Larger frames are refused: their maps alone would take gigabytes."""
MAX_INVALID: Final = 0.5
"""Largest fraction of non-finite pixels that is repaired."""
SATURATED: Final = 0.005
"""Fraction of pixels at the very maximum from which a frame may be called saturated."""
SPIKE: Final = 3.0
"""How far that fraction must exceed the one just below the maximum: few grey levels are no sin."""
LARGEST_OFFSET: Final = 1e5
"""Levels above this many contrasts are taken off first: single precision would round the signal."""
LEAST_UNIT: Final = 1e-12
"""Smallest and, inverted, largest unit that is left as it is."""
BROKEN_LIMIT: Final = 0.1
SATURATED_LIMIT: Final = 0.1
"""Fractions at which either alone puts the frame out of distribution."""


@dataclass(frozen=True)
class Intake:
    """An image fit for the detector."""

    image: NDArray[np.float32]
    """(rows, columns), finite."""
    valid: NDArray[np.bool_] | None
    """(rows, columns) pixels that were measured; None: all."""
    concerns: tuple[tuple[float, str], ...]
    """What is wrong with it: severity (1 puts the frame out of distribution) and words."""


def take_in(image: NDArray[np.generic]) -> Intake:
    """Check and convert an image.

    Args:
        image: Anything that claims to be one; not changed.

    Raises:
        InputError: Not two-dimensional numbers, too small or large, constant, or mostly not finite.
    """
    check_form(image)
    finite = np.isfinite(image)
    valid = None if finite.all() else finite
    pixels = brought_into_range(image, finite)
    concerns = []
    if valid is not None:
        broken = 1.0 - float(valid.mean())
        words = f"{100 * broken:.2g} % of the pixels are not finite"
        concerns.append((max(0.5, broken / BROKEN_LIMIT), words))
        pixels = filled(pixels, valid)
    at_top = saturated_fraction(pixels, float(pixels.min()), float(pixels.max()))
    if at_top > SATURATED:
        words = f"{100 * at_top:.2g} % of the pixels are saturated"
        concerns.append((max(0.5, at_top / SATURATED_LIMIT), words))
    return Intake(pixels, valid, tuple(concerns))


def brought_into_range(
    image: NDArray[np.generic], finite: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Convert to float32 without overflow and without losing the signal on a large offset.

    Raises:
        InputError: Mostly not finite, or constant.
    """
    broken = 1.0 - float(finite.mean())
    if broken > MAX_INVALID:
        raise InputError(
            f"{100 * broken:.0f} % of the image is not finite.",
            remedy="Hand in an image whose pixels are mostly numbers.",
        )
    low, high = (float(edge) for edge in extremes(image, finite))
    if not high > low:
        raise InputError(
            f"The image is constant ({low:g} everywhere).",
            remedy="Check the detector, the blanker and the exported channel.",
        )
    half = 0.5 * high - 0.5 * low
    largest = max(abs(low), abs(high))
    if largest < LARGEST_OFFSET * half and LEAST_UNIT < largest < 1.0 / LEAST_UNIT:
        return image.astype(np.float32)
    exact = np.where(finite, image, low).astype(np.float64)
    offset = low if largest >= LARGEST_OFFSET * half else 0.0
    if LEAST_UNIT < half < 1.0 / LEAST_UNIT:
        return np.asarray((exact - offset).astype(np.float32))
    return np.asarray((0.5 * (exact / half - offset / half)).astype(np.float32))


def extremes(
    image: NDArray[np.generic], finite: NDArray[np.bool_]
) -> tuple[np.generic, np.generic]:
    """Least and largest finite pixel."""
    pixels = image if finite.all() else image[finite]
    return pixels.min(), pixels.max()


def filled(pixels: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give pixels that were not measured the value of the nearest one that was."""
    nearest = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    return np.asarray(pixels[tuple(nearest)])


def saturated_fraction(pixels: NDArray[np.float32], low: float, high: float) -> float:
    """Fraction of pixels at the maximum, 0 unless they form a spike in the histogram."""
    at_top = float((pixels >= high).mean())
    if at_top <= SATURATED:
        return 0.0
    step = (high - low) / 100
    below = float(((pixels < high) & (pixels >= high - 2 * step)).mean())
    return at_top if at_top > SPIKE * below else 0.0


def check_form(image: NDArray[np.generic]) -> None:
    """Refuse anything that is not a two-dimensional array of real numbers of usable size."""
    if image.dtype.kind not in "uif":
        raise InputError(
            f"The image holds {image.dtype}, not real numbers.",
            remedy="Convert it to uint8, uint16 or float32.",
        )
    if image.ndim != 2:
        raise InputError(
            f"The image has {image.ndim} axes, not rows and columns.",
            remedy="Hand in one two-dimensional image at a time.",
        )
    rows, cols = image.shape
    if min(rows, cols) < MIN_SIDE_PX:
        raise InputError(
            f"The image is {rows} x {cols} pixels; at least {MIN_SIDE_PX} on a side are needed.",
            remedy="Scan a larger field of view or with finer sampling.",
        )
    if max(rows, cols) > MAX_SIDE_PX:
        raise InputError(
            f"The image is {rows} x {cols} pixels; at most {MAX_SIDE_PX} on a side are taken.",
            remedy="Crop it, or bin it to about 0.1 Å per pixel.",
        )
