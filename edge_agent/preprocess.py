"""From whatever a source delivers to what travels: narrow, contiguous, named, compressed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.sources.base import RawFrame
from shared.codec.frames import encode_pixels, frame_name, pixel_type
from shared.errors import InputError
from shared.messages import Acquisition, Calibration, Codec, PixelType

__all__ = ["PreparedFrame", "narrow", "prepare"]

_CODEC: Final[Codec] = "zstd-planes"
_LARGEST_SIDE: Final = 16384
_LARGEST_EXACT: Final = 2**24
"""Every integer up to here has a float32 of its own."""


@dataclass(frozen=True, slots=True)
class PreparedFrame:
    """A frame ready to be accepted; its place in the session is decided then.

    Attributes:
        name: Content name: BLAKE3 of pixel type, shape and pixels.
        shape: (rows, columns).
        pixel_type: Type on the wire.
        codec: How `payload` is compressed.
        payload: The compressed pixels.
        calibration: As the source said.
        acquisition: As the source said.
    """

    name: str
    shape: tuple[int, int]
    pixel_type: PixelType
    codec: Codec
    payload: bytes
    calibration: Calibration
    acquisition: Acquisition


def prepare(raw: RawFrame) -> PreparedFrame:
    """Narrow, name and compress a source's frame.

    Raises:
        InputError: The pixels are no image that can be analysed.
    """
    pixels = narrow(raw.pixels)
    rows, columns = pixels.shape
    return PreparedFrame(
        name=frame_name(pixels),
        shape=(rows, columns),
        pixel_type=pixel_type(pixels),
        codec=_CODEC,
        payload=encode_pixels(pixels, _CODEC),
        calibration=raw.calibration,
        acquisition=raw.acquisition,
    )


def narrow(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return the same values in the narrowest type that travels, little-endian and contiguous.

    8-bit images stay 8-bit. Whole numbers from 0 to 65535 become uint16, whatever type carried
    them: Nion's API hands out counts as float32. Everything else becomes float32, which is exact
    but for float64 with more than 24 significant bits, where it rounds by 6e-8 of the value.

    Args:
        pixels: (rows, columns) of any real type and byte order.

    Returns:
        (rows, columns) of uint8, uint16 or float32.

    Raises:
        InputError: Not two-dimensional, too large, not real numbers, not finite, or whole numbers
            that no travelling type can hold.
    """
    _check_shape(pixels.shape)
    if pixels.dtype.kind not in "buif":
        raise _unfit(f"has pixels of type {pixels.dtype}", "Export the image as real numbers.")
    if pixels.dtype in (np.bool_, np.uint8):
        return np.ascontiguousarray(pixels, dtype=np.uint8)
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise _unfit("holds pixels that are not numbers", "Mask or crop them before streaming.")
    if _is_whole_u16(pixels):
        return np.ascontiguousarray(pixels, dtype="<u2")
    return _as_float32(pixels)


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) != 2:
        raise _unfit(f"has {len(shape)} dimensions", "Stream one grey image at a time.")
    if not all(1 <= side <= _LARGEST_SIDE for side in shape):
        raise _unfit(
            f"measures {shape[0]} x {shape[1]} pixels",
            f"Crop it to between 1 and {_LARGEST_SIDE} pixels a side.",
        )


def _is_whole_u16(pixels: NDArray[np.generic]) -> bool:
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= int(np.iinfo(np.uint16).max)):
        return False
    return pixels.dtype.kind in "ui" or bool((pixels == np.rint(pixels)).all())


def _as_float32(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    low, high = float(pixels.min()), float(pixels.max())
    whole = pixels.dtype.kind in "ui"
    if whole and max(-low, high) > _LARGEST_EXACT:
        raise _unfit(f"holds whole numbers from {low:g} to {high:g}", "Rescale it to 16 bits.")
    if max(-low, high) > float(np.finfo(np.float32).max):
        raise _unfit(f"holds numbers up to {max(-low, high):g}", "Rescale it to below 1e38.")
    return np.ascontiguousarray(pixels, dtype="<f4")


def _unfit(what: str, remedy: str) -> InputError:
    return InputError(f"The image {what}.", remedy=remedy)
