"""What a reader returns: one image, its calibration, and what its file says of the microscope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["CalibrationSource", "ImageMetadata", "ImageRecord", "Pixels", "RawImage"]

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]
"""(rows, columns), C-contiguous, in one of the three pixel types that travel."""

CalibrationSource = Literal["header", "flag", "none"]
"""`header`: the file's own; `flag`: the caller's explicit word; `none`: neither."""


@dataclass(frozen=True, slots=True)
class ImageMetadata:
    """The microscope's state as far as the file says; None where it does not."""

    dwell_time_us: float | None = None
    high_tension_kV: float | None = None
    beam_current_pA: float | None = None
    detector: str | None = None
    instrument: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RawImage:
    """One image as a format's reader found it."""

    array: NDArray[Any]
    """(rows, columns) in the file's own type."""
    pixel_size_A: float | None = None
    """Edge of a square pixel, Å, as the file says."""
    metadata: ImageMetadata = ImageMetadata()


@dataclass(frozen=True, slots=True, eq=False)
class ImageRecord:
    """One image of a file, ready to be sent or analysed."""

    image: Pixels
    """(rows, columns), read-only, in the machine's byte order; uint8, uint16 or float32."""
    pixel_size_A: float | None
    """Edge of a square pixel, Å; None where neither file nor caller gave one."""
    calibration: CalibrationSource
    origin: str
    """Name of the file, without its folder."""
    index: int
    """Position within the file: 0 for a single image, k for the k-th of a stack."""
    metadata: ImageMetadata
