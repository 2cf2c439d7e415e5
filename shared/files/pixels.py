"""One rule for pixel types: what a file holds becomes uint8, uint16 or float32.

uint8, uint16 and float32 stay as they are (in the machine's byte order). Booleans become uint8.
Other integers become uint16 where every value fits, else float32 (exact up to 2^24). float16 and
float64 become float32: relative rounding of at most 6e-8, far below any detector's noise.
Complex, non-finite and coloured images are refused: what they mean is for a person to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import UnreadableFileError
from shared.files.limits import MOST_IMAGES, check_image_shape
from shared.files.record import Pixels

__all__ = ["grey_from_channels", "is_coloured", "plain_shape", "to_pixels"]


def to_pixels(image: NDArray[Any], origin: str) -> Pixels:
    """Return an image in one of the three pixel types, C-contiguous and read-only.

    Args:
        image: (rows, columns) as a library returned it.
        origin: Name of the file, for messages.

    Raises:
        UnreadableFileError: Not a plain two-dimensional image of finite real numbers.
    """
    if image.ndim != 2 or image.dtype.kind not in "buif":
        raise UnreadableFileError(
            f"{origin}: {image.dtype} values of shape {image.shape} are not a greyscale image.",
            remedy="Export a two-dimensional image of real numbers.",
        )
    check_image_shape(image.shape, image.dtype.itemsize, origin)
    pixels = _narrowed(image)
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise UnreadableFileError(
            f"{origin}: {int((~np.isfinite(pixels)).sum())} pixels are not finite numbers.",
            remedy="Crop the scanned region or replace the missing pixels.",
        )
    pixels.flags.writeable = False
    return pixels


def plain_shape(shape: tuple[int, ...], item_bytes: int, origin: str) -> tuple[int, ...]:
    """Return a shape as (rows, columns) or (images, rows, columns), checked against the limits.

    Args:
        shape: As stored; leading and trailing axes of length one are dropped.
        item_bytes: Bytes per element as stored.
        origin: Name of the file, for messages.

    Raises:
        UnreadableFileError: Not an image or a stack of images, or too large.
    """
    plain = _without_unit_axes(shape)
    if len(plain) not in (2, 3):
        raise UnreadableFileError(
            f"{origin}: an array of shape {shape} is neither an image nor a stack of images.",
            remedy="Store (rows, columns) or (images, rows, columns).",
        )
    frame = plain if is_coloured(plain) else plain[-2:]
    if len(frame) < len(plain) and plain[0] > MOST_IMAGES:
        raise UnreadableFileError(
            f"{origin}: {plain[0]} images; at most {MOST_IMAGES} are read.",
            remedy="Split the stack.",
        )
    check_image_shape(frame, item_bytes, origin)
    return plain


def _without_unit_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without its leading and trailing axes of length one, down to two axes."""
    plain = tuple(int(side) for side in shape)
    while len(plain) > 2 and 1 in (plain[0], plain[-1]):
        plain = plain[1:] if plain[0] == 1 else plain[:-1]
    return plain


def is_coloured(shape: Sequence[int]) -> bool:
    """Return whether a shape is one image with 2 to 4 channels rather than a stack."""
    return len(shape) == 3 and shape[-1] in (2, 3, 4) and shape[0] > 4


def grey_from_channels(image: NDArray[Any], origin: str) -> NDArray[Any]:
    """Return the one channel of a screen copy whose colours are all grey.

    Args:
        image: (rows, columns, channels); of 2 or 4 channels the last is opacity, and is dropped.
        origin: Name of the file, for messages.

    Raises:
        UnreadableFileError: The channels differ: a false-colour or colour image.
    """
    colours = image[..., : image.shape[-1] - 1 + image.shape[-1] % 2]
    if (colours != colours[..., :1]).any():
        raise UnreadableFileError(
            f"{origin}: a colour image; intensities cannot be read back from colours.",
            remedy="Export the detector's own greyscale image.",
        )
    return np.asarray(colours[..., 0])


def _narrowed(image: NDArray[Any]) -> Pixels:
    """Return the image in the narrowest of the three types that the rule gives it."""
    native = image.dtype.newbyteorder("=")
    if native in (np.uint8, np.uint16, np.float32):
        return np.require(image, dtype=native, requirements="C")
    if native == np.bool_:
        return np.ascontiguousarray(image, dtype=np.uint8)
    if native.kind in "ui" and image.min() >= 0 and image.max() <= np.iinfo(np.uint16).max:
        return np.ascontiguousarray(image, dtype=np.uint16)
    with np.errstate(over="ignore"):  # too large a float64 turns infinite and is refused above
        return np.ascontiguousarray(image, dtype=np.float32)
