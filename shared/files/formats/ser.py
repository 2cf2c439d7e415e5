"""SER files of TIA (FEI), read with NumPy alone.

The layout is public: a header, a table of offsets, and per element a calibration in metres, a
type, a shape and the pixels, handed on in the order the file holds them.

References:
    Layout: C. Boothroyd, https://www.er-c.org/cbb/info/TIAformat/.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from shared.errors import UnreadableFileError
from shared.files.lengths import length_A, square_pixel_A
from shared.files.limits import MOST_IMAGES, check_image_shape
from shared.files.record import RawImage

__all__ = ["read"]

IMAGES: Final = 0x4122
"""Data type of two-dimensional elements; 0x4120 are spectra."""

LONG_OFFSETS: Final = 0x0220
"""Series version from which offsets have 8 bytes."""

DTYPES: Final = {
    1: "<u1", 2: "<u2", 3: "<u4", 4: "<i1", 5: "<i2", 6: "<i4", 7: "<f4", 8: "<f8",
}  # fmt: skip
"""Element types; 9 and 10 are complex."""

ELEMENT: Final = struct.Struct("<ddiddihii")
"""Calibration of x (offset, delta, element) and y, data type, columns, rows."""


def read(path: Path) -> Iterator[RawImage]:
    """Yield the images of a SER file in order.

    Raises:
        UnreadableFileError: Truncated, too large, or spectra.
    """
    with path.open("rb") as file:
        for offset in _offsets(file, path.name):
            file.seek(offset)
            yield _element(file, path.name)


def _offsets(file: BinaryIO, origin: str) -> list[int]:
    """Return where the valid elements start."""
    _, _, version, data_type, _, total, valid = struct.unpack("<HHHiiii", file.read(22))
    if data_type != IMAGES:
        raise UnreadableFileError(
            f"{origin} holds no images (data type {data_type:#x}).", remedy="Give an image series."
        )
    if not 0 < valid <= min(total, MOST_IMAGES):
        raise UnreadableFileError(
            f"{origin} claims {valid} of {total} images.",
            remedy="Copy the file again once its writer has finished.",
        )
    wide = version >= LONG_OFFSETS
    (table,) = struct.unpack("<q" if wide else "<i", file.read(8 if wide else 4))
    file.seek(table)
    size = 8 if wide else 4
    return list(struct.unpack(f"<{valid}{'q' if wide else 'i'}", file.read(valid * size)))


def _element(file: BinaryIO, origin: str) -> RawImage:
    """Return the element at the file's position."""
    _, delta_x, _, _, delta_y, _, kind, columns, rows = ELEMENT.unpack(file.read(ELEMENT.size))
    if kind not in DTYPES:
        raise UnreadableFileError(
            f"{origin} holds complex or unknown values (type {kind}).", remedy="Export its modulus."
        )
    dtype = np.dtype(DTYPES[kind])
    check_image_shape((rows, columns), dtype.itemsize, origin)
    pixels = np.frombuffer(file.read(rows * columns * dtype.itemsize), dtype=dtype)
    size = square_pixel_A(length_A(delta_y, "m"), length_A(delta_x, "m"))
    return RawImage(pixels.reshape(rows, columns), size)
