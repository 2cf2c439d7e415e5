"""What can be set on the replay of image files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from shared.settings import Section

__all__ = ["ReplaySettings"]

Positive = Annotated[float, Field(gt=0)]


class ReplaySettings(Section):
    """Image files instead of a microscope."""

    paths: tuple[Path, ...] = Field(default=(), description="Image files and folders of them.")
    pixel_size_A: Positive | None = Field(
        default=None, description="Pixel size, Å; overrides what the files say."
    )
    rate_per_s: Positive | None = Field(
        default=None, description="Frames per second at most; unset = as fast as answers come."
    )
    loop: bool = Field(default=False, description="Start again after the last file, for ever.")
