"""Greyscale pictures as PNG, without an imaging library: three chunks and zlib.

Format: ISO/IEC 15948 (doi:10.17487/RFC2083).
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["grey_png"]

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


def grey_png(image: NDArray[np.float64], low: float, high: float) -> bytes:
    """Return an 8-bit greyscale picture.

    Args:
        image: (rows, columns) intensity; the first row is the uppermost.
        low: Shown as black.
        high: Shown as white.
    """
    span = (high - low) or 1.0
    grey = np.clip(np.round((image - low) / span * 255), 0, 255).astype(np.uint8)
    rows, columns = grey.shape
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), grey], axis=1)  # no filter
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
