"""The frame message of the live view, version 1: image, atoms and their words in one piece.

Little-endian; every block starts on a multiple of 4 bytes, so that a browser can lay typed
arrays over it without copying. The layout is documented in ``docs/reference/live-protocol.md``
and pinned by golden bytes that the front end's decoder reads, too.
"""

from __future__ import annotations

import json
import struct
from typing import Final

import numpy as np

from inference_service.live.display import display_image
from inference_service.records import FrameRecord
from inference_service.views import frame_view
from shared.messages import ATOM

__all__ = ["ATOM_COLUMNS", "HEADER", "KIND_FRAME", "VERSION", "encode_frame"]

VERSION: Final = 1
KIND_FRAME: Final = 1

HEADER: Final = struct.Struct("<BBHIIIIffI")
"""version, kind, flags, rows, columns, atoms, JSON bytes, black, white, reserved: 32 bytes."""

FLAG_ANALYSED: Final = 1
"""The detector has looked: no atoms then means none were found."""

ATOM_COLUMNS: Final = ("x_px", "y_px", "sigma_x_px", "sigma_y_px", "p", "uncertainty")
"""Float32 columns in order; atomic numbers and coordinations follow as bytes."""

ATOM_BYTE_COLUMNS: Final = ("atomic_number", "coordination")


def encode_frame(record: FrameRecord) -> bytes:
    """Return the message of one frame: pure, a few milliseconds, made once for all viewers.

    Args:
        record: The frame, with or without its analysis.
    """
    image = display_image(record.pixels)
    analysis = record.analysis
    table = analysis.table if analysis else np.empty(0, ATOM)
    words = _json(record)
    rows, columns = record.frame.shape
    header = HEADER.pack(
        VERSION,
        KIND_FRAME,
        FLAG_ANALYSED if analysis else 0,
        rows,
        columns,
        len(table),
        len(words),
        image.black,
        image.white,
        0,
    )
    floats = [table[name].astype("<f4").tobytes() for name in ATOM_COLUMNS]
    octets = [_padded(table[name].tobytes()) for name in ATOM_BYTE_COLUMNS]
    return b"".join((header, _padded(image.levels.tobytes()), *floats, *octets, words))


def _json(record: FrameRecord) -> bytes:
    document = frame_view(record).model_dump(mode="json")
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def _padded(block: bytes) -> bytes:
    return block + bytes(-len(block) % 4)
