"""A ROI's pixels as a picture that every program opens.

References:
    PNG Specification (Third Edition), https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np

from inference_service.live.display import display_image
from inference_service.patches import Patch

__all__ = ["patch_headers", "png"]

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
BITS: Final = 8
GREYSCALE: Final = 0


def png(patch: Patch) -> bytes:
    """Return a patch as an 8-bit grey PNG, its contrast stretched over its own counts.

    Args:
        patch: The pixels.
    """
    levels = display_image(patch.pixels).levels
    rows, columns = levels.shape
    header = struct.pack(">IIBBBBB", columns, rows, BITS, GREYSCALE, 0, 0, 0)
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), levels], axis=1)  # no line filter
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(name, content) for name, content in chunks)


def patch_headers(patch: Patch) -> dict[str, str]:
    """Return the response headers that place a patch in its frame."""
    return {
        "x-frame": patch.frame,
        "x-frame-index": str(patch.frame_index),
        "x-pixel-size-a": repr(patch.pixel_size_A),
        "x-origin-a": f"{patch.x_A!r} {patch.y_A!r}",
    }


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)
