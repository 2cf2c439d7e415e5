"""Pixels to payload and back, and the name of a frame.

`zstd-planes` stores the low bytes of all pixels, then the next ones, and compresses the result:
shot noise fills the low byte plane, the others are nearly empty.
"""

from __future__ import annotations

from typing import Final

import blake3
import numpy as np
import zstandard
from numpy.typing import NDArray

from shared.codec.envelope import Buffer
from shared.errors import LocalProtocolError, RemoteProtocolError
from shared.messages import Codec, Frame, PixelType

__all__ = ["decode_frame", "encode_pixels", "frame_name", "pixel_type"]

_DTYPES: Final[dict[PixelType, np.dtype[np.generic]]] = {
    "uint8": np.dtype("u1"),
    "uint16": np.dtype("<u2"),
    "float32": np.dtype("<f4"),
}
_ZSTD_LEVEL: Final = 1


def pixel_type(pixels: NDArray[np.generic]) -> PixelType:
    """Return the wire name of an image's data type.

    Raises:
        LocalProtocolError: The type does not travel; convert to uint8, uint16 or float32.
    """
    for name, dtype in _DTYPES.items():
        if pixels.dtype == dtype:
            return name
    raise LocalProtocolError(
        f"Pixels of type {pixels.dtype} do not travel on the frame link.",
        remedy="Convert to uint8, uint16 or little-endian float32 first.",
    )


def frame_name(pixels: NDArray[np.generic]) -> str:
    """Return the content name of an image: BLAKE3 over type, shape and pixels.

    Args:
        pixels: (rows, columns) of uint8, uint16 or float32.
    """
    rows, columns = pixels.shape
    hasher = blake3.blake3(f"{pixel_type(pixels)} {rows} {columns}\n".encode())
    hasher.update(np.ascontiguousarray(pixels).data.cast("B"))
    return hasher.hexdigest()


def encode_pixels(pixels: NDArray[np.generic], codec: Codec) -> bytes:
    """Return the payload for an image of uint8, uint16 or float32."""
    raw = np.ascontiguousarray(pixels)
    if codec == "raw":
        return raw.tobytes()
    planes = raw.view(np.uint8).reshape(-1, raw.itemsize).T
    compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_content_size=True)
    return compressor.compress(np.ascontiguousarray(planes).tobytes())


def decode_frame(frame: Frame, payload: Buffer) -> NDArray[np.generic]:
    """Return the (rows, columns) pixels of a frame, checked against its name.

    Sizes are compared with the header before anything is allocated.

    Raises:
        RemoteProtocolError: The payload has another size or content than the header says.
    """
    dtype = _DTYPES[frame.pixel_type]
    rows, columns = frame.shape
    expected = rows * columns * dtype.itemsize
    raw = payload if frame.codec == "raw" else _decompress(payload, expected)
    if len(raw) != expected:
        raise _mismatch(f"{len(raw)} bytes of pixels where {expected} were announced")
    if frame.codec == "raw":
        pixels = np.frombuffer(raw, dtype).reshape(rows, columns)
    else:
        planes = np.frombuffer(raw, np.uint8).reshape(dtype.itemsize, -1)
        pixels = np.ascontiguousarray(planes.T).view(dtype).reshape(rows, columns)
    if frame_name(pixels) != frame.name:
        raise _mismatch("pixels that do not match the frame's name")
    return pixels


def _decompress(payload: Buffer, expected: int) -> bytes:
    try:
        size = zstandard.frame_content_size(payload)
        if size != expected:
            raise _mismatch(f"a zstd frame of {size} bytes where {expected} were announced")
        return zstandard.ZstdDecompressor().decompress(payload, max_output_size=expected)
    except zstandard.ZstdError as error:
        raise _mismatch("a damaged zstd frame") from error


def _mismatch(what: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"The frame carries {what}.", remedy="The sender repeats the frame.")
