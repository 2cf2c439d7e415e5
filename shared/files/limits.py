"""How much a file may ask for. Every bound is checked before memory is taken."""

from __future__ import annotations

import math
from typing import Final

from shared.errors import UnreadableFileError

__all__ = [
    "ADDRESS_SPACE_BYTES",
    "FILE_SECONDS",
    "LARGEST_HEADER_BYTES",
    "LARGEST_IMAGE_BYTES",
    "LARGEST_SIDE",
    "MOST_IMAGES",
    "OPEN_FILES",
    "check_image_shape",
]

LARGEST_SIDE: Final = 16384
"""Pixels along one side; the frame message's own bound."""

LARGEST_IMAGE_BYTES: Final = 2 * 1024**3
"""Decoded bytes of one image: 16384 x 16384 in 8 bytes a pixel."""

MOST_IMAGES: Final = 100_000
"""Images in one file; a day's movie at one frame a second."""

LARGEST_HEADER_BYTES: Final = 64 * 1024
"""The reader process's description of one image."""

ADDRESS_SPACE_BYTES: Final = 8 * 1024**3
"""Of the reader process: the libraries, one image as stored and one as handed on."""

FILE_SECONDS: Final = 60.0
"""Silence of the reader process, and its processor time per image, before it is given up."""

OPEN_FILES: Final = 64
"""File descriptors of the reader process."""


def check_image_shape(shape: tuple[int, ...], item_bytes: int, origin: str) -> None:
    """Refuse an image that is empty or too large, before it is allocated.

    Args:
        shape: (rows, columns), possibly with further axes that are read together.
        item_bytes: Bytes per element as stored.
        origin: Name of the file, for the message.

    Raises:
        UnreadableFileError: A side is 0 or above 16384, or the image is above 2 GiB.
    """
    sides = tuple(int(side) for side in shape)
    if min(sides) < 1 or max(sides) > LARGEST_SIDE:
        raise UnreadableFileError(
            f"{origin}: an image of {' x '.join(map(str, sides))} pixels; sides must be 1 to "
            f"{LARGEST_SIDE}.",
            remedy="Crop or bin the image.",
        )
    if math.prod(sides) * item_bytes > LARGEST_IMAGE_BYTES:
        raise UnreadableFileError(
            f"{origin}: {math.prod(sides) * item_bytes} bytes decoded; at most "
            f"{LARGEST_IMAGE_BYTES} are read.",
            remedy="Crop or bin the image, or store it in fewer bytes per pixel.",
        )
