"""The common ground of every message: frozen, closed, finite, tagged by `kind`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Digest", "Fraction", "Identifier", "Message", "Part", "Text"]

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A BLAKE3 or SHA-256 digest in lower-case hexadecimal."""

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A short name that is safe in file names, URLs and job names."""

Text = Annotated[str, Field(max_length=500)]
"""One sentence for a person."""

Fraction = Annotated[float, Field(ge=0, le=1)]
"""A probability or an area fraction."""


class Part(BaseModel):
    """A value inside a message: immutable, unknown fields refused, numbers finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Message(Part):
    """A message of its own on the wire; subclasses add a literal `kind`."""
