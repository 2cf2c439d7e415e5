"""Image files in: one record per image, whatever the format, however untrustworthy the file.

``read_images(path)`` reads one file; for many, keep one `ImageReader` open. NumPy's formats are
read in process; all others in a limited process of their own (`shared.files.reader`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from shared.files.image_reader import ImageReader
from shared.files.record import CalibrationSource, ImageMetadata, ImageRecord, Pixels
from shared.files.signature import READABLE_SUFFIXES

__all__ = [
    "READABLE_SUFFIXES",
    "CalibrationSource",
    "ImageMetadata",
    "ImageReader",
    "ImageRecord",
    "Pixels",
    "read_images",
]


def read_images(path: Path, *, pixel_size_A: float | None = None) -> Iterator[ImageRecord]:
    """Yield the images of one file in order.

    Args:
        path: HDF5, EMD (NCEM, Velox), npy, npz, TIFF, DM3, DM4, SER or PNG.
        pixel_size_A: The operator's word on the edge of a pixel, Å; overrules the file's.

    Raises:
        UnreadableFileError: Missing, truncated, damaged, too large, or of no known format.
        MissingDependencyError: The format's library is not installed.
    """
    with ImageReader() as reader:
        yield from reader.read(path, pixel_size_A=pixel_size_A)
