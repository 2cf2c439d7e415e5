"""What the reader process and its owner say to each other.

Requests are lines of JSON on standard input. An answer is one frame: a 4-byte big-endian length,
that many bytes of JSON, and for an image its pixels as raw bytes. A file is answered by its
images in order and one `End`, or by a `Refusal` at any point. Nothing is ever unpickled.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Final, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from shared.files.limits import LARGEST_SIDE, MOST_IMAGES
from shared.files.record import ImageMetadata, Pixels
from shared.files.signature import Format

__all__ = ["ANSWER", "Answer", "End", "ImageHeader", "Refusal", "Request", "describe"]

Side = Annotated[int, Field(ge=1, le=LARGEST_SIDE)]


class _Said(BaseModel):
    """Anything said: immutable, nothing beyond what is declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Request(_Said):
    """Read one file."""

    path: str
    format: Format


class ImageHeader(_Said):
    """One image; its pixels follow."""

    kind: Literal["image"] = "image"
    index: Annotated[int, Field(ge=0, lt=MOST_IMAGES)]
    shape: tuple[Side, Side]
    dtype: Literal["uint8", "uint16", "float32"]
    pixel_size_A: float | None
    metadata: ImageMetadata

    @property
    def payload_bytes(self) -> int:
        """Bytes of pixels that follow."""
        return self.shape[0] * self.shape[1] * np.dtype(self.dtype).itemsize


class End(_Said):
    """The file is read to its end."""

    kind: Literal["end"] = "end"


class Refusal(_Said):
    """The file cannot be read, or not further."""

    kind: Literal["refusal"] = "refusal"
    code: str
    message: str
    remedy: str


Answer: TypeAlias = ImageHeader | End | Refusal

ANSWER: Final[TypeAdapter[Answer]] = TypeAdapter(Annotated[Answer, Field(discriminator="kind")])
"""Parses the JSON of an answer."""


def describe(
    image: Pixels, index: int, pixel_size_A: float | None, metadata: ImageMetadata
) -> ImageHeader:
    """Return the header that announces an image."""
    rows, columns = image.shape
    return ImageHeader.model_validate(
        {
            "index": index,
            "shape": (rows, columns),
            "dtype": image.dtype.name,
            "pixel_size_A": pixel_size_A,
            "metadata": asdict(metadata),
        }
    )
