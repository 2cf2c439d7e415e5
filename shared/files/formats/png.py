"""PNG images, by Pillow: greyscale of 8 or 16 bits, and grey screen copies. No calibration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from shared.files.limits import check_image_shape
from shared.files.pixels import grey_from_channels
from shared.files.record import RawImage

__all__ = ["read"]


def read(path: Path) -> Iterator[RawImage]:
    """Yield the image of a PNG file.

    Raises:
        UnreadableFileError: Too large, or a colour image.
    """
    with Image.open(path, formats=("PNG",)) as image:
        check_image_shape((image.height, image.width), 4, path.name)
        array = np.asarray(image.convert("RGB") if image.mode == "P" else image)
    yield RawImage(grey_from_channels(array, path.name) if array.ndim == 3 else array)
