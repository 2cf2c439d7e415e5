"""Lengths as files write them, in Å, and the pixel size two of them give."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

__all__ = ["length_A", "square_pixel_A"]

UNITS_A: Final[Mapping[str, float]] = {
    "m": 1e10,
    "cm": 1e8,
    "mm": 1e7,
    "um": 1e4,
    "µm": 1e4,
    "μm": 1e4,
    "micron": 1e4,
    "microns": 1e4,
    "micrometer": 1e4,
    "nm": 10.0,
    "nanometer": 10.0,
    "nanometers": 10.0,
    "[n_m]": 10.0,
    "n_m": 10.0,
    "a": 1.0,
    "å": 1.0,
    "\u212b": 1.0,
    "ang": 1.0,
    "angstrom": 1.0,
    "angstroms": 1.0,
    "ångström": 1.0,
    "pm": 0.01,
    "[m]": 1e10,
    "[u_m]": 1e4,
    "[p_m]": 0.01,
}
"""Å per unit, by the unit's lower-case name; bracketed ones are those of NCEM's EMD."""

SMALLEST_A: Final = 1e-3
LARGEST_A: Final = 100.0
"""Pixel sizes outside are not of a STEM image: screen resolutions, unset fields."""

SQUARE: Final = 0.02
"""Relative difference up to which two sides count as equal (Å noise of real headers)."""


def length_A(value: float, unit: str) -> float | None:
    """Return a length in Å, or None for a unit that is not a length.

    Args:
        value: Number as stored.
        unit: Unit as stored, in any case; ``nm``, ``µm``, ``Angstrom``, ``[n_m]`` ...
    """
    factor = UNITS_A.get(unit.strip().replace("\\u00B5", "µ").lower())
    return None if factor is None else value * factor


def square_pixel_A(rows_A: float | None, columns_A: float | None) -> float | None:
    """Return the edge of a square pixel, Å; None where there is none or it is implausible.

    Args:
        rows_A: Size of a pixel along a column of the image, Å.
        columns_A: Size of a pixel along a row, Å.
    """
    if rows_A is None or columns_A is None:
        return None
    sizes = (abs(rows_A), abs(columns_A))
    if not all(math.isfinite(size) and SMALLEST_A < size < LARGEST_A for size in sizes):
        return None
    if abs(sizes[0] - sizes[1]) > SQUARE * max(sizes):
        return None
    return math.sqrt(sizes[0] * sizes[1])
