"""A frame: one image with its own calibration, named by the hash of its content.

Payload 0 of the message holds the pixels, row by row, compressed as `codec` says.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.messages.base import Digest, Identifier, Message, Part, Text

__all__ = ["Acquisition", "Calibration", "Codec", "Frame", "PixelType"]

PixelType = Literal["uint8", "uint16", "float32"]
"""Little-endian pixel types on the wire; sources convert to the narrowest lossless one."""

Codec = Literal["raw", "zstd-planes"]
"""`raw`: bytes as they are. `zstd-planes`: byte planes (low bytes first), then zstd."""

Side = Annotated[int, Field(ge=1, le=16384)]
Positive = Annotated[float, Field(gt=0)]


class Calibration(Part):
    """How large a pixel is, and who says so."""

    pixel_size_A: Annotated[float, Field(gt=0.001, lt=100)] | None
    """Edge of a square pixel in Å; None where neither file nor operator gave one."""
    source: Literal["header", "flag", "none"]
    """`header`: the file or microscope; `flag`: the operator's explicit word; `none`."""


class Acquisition(Part):
    """The microscope's state during the frame, as far as it is known."""

    instrument: Text
    detector: Text = "HAADF"
    high_tension_kV: Positive | None = None
    dwell_time_us: Positive | None = None
    beam_current_pA: Positive | None = None
    dose_e_A2: Positive | None = None
    """Areal dose of this frame, from current, dwell time and pixel size."""
    defocus_nm: float | None = None
    field_of_view_A: tuple[Positive, Positive] | None = None
    """(rows, columns), Å."""
    centre_A: tuple[float, float] = (0.0, 0.0)
    """Scan centre (row, column) in the stage's frame, Å."""
    rotation_deg: float = 0.0
    started_at_ns: int
    """Wall clock of the edge at the first pixel, Unix epoch."""
    ended_at_ns: int
    """Wall clock of the edge at the last pixel, Unix epoch."""
    origin: Text
    """File name or acquisition id the pixels came from."""


class Frame(Message):
    """Header of a frame message."""

    kind: Literal["frame"] = "frame"
    session: Identifier
    index: Annotated[int, Field(ge=0)]
    """Counts accepted frames within the session, without gaps."""
    name: Digest
    """BLAKE3 of pixel type, shape and decoded pixels: the frame's name everywhere."""
    previous: Digest | None
    """Name of the frame before it in the session: the hash chain."""
    shape: tuple[Side, Side]
    """(rows, columns)."""
    pixel_type: PixelType
    codec: Codec
    calibration: Calibration
    acquisition: Acquisition
