"""HDF5 images: the AICrystallographer layout, NCEM and Velox EMD, and plain files.

Each layout is one small module with the same two questions: is this file yours, and what does it
hold. External links, external storage and virtual datasets are not followed: a file may only
speak of itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import h5py

from shared.errors import UnreadableFileError
from shared.files.formats import emd_ncem, emd_velox, hdf5_plain
from shared.files.record import RawImage

__all__ = ["read"]

LAYOUTS: Final[tuple[Callable[[h5py.File, str], Iterator[RawImage] | None], ...]] = (
    emd_velox.images,
    emd_ncem.images,
    hdf5_plain.images,
)
"""Asked in order; each returns None for a file that is not of its kind."""


def read(path: Path) -> Iterator[RawImage]:
    """Yield the images of an HDF5 file.

    Raises:
        UnreadableFileError: No layout recognises an image in it, or the image is too large.
    """
    with h5py.File(path, "r") as file:
        for layout in LAYOUTS:
            images = layout(file, path.name)
            if images is not None:
                yield from images
                return
    raise UnreadableFileError(
        f"{path.name} holds no image: no numeric dataset of two or more dimensions.",
        remedy="Store the image as a dataset named image_data, with an attribute pixel_size_A.",
    )
