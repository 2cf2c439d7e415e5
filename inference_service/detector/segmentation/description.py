"""What a manifest says of a network that paints classes: the part named `segmentation`.

A member is one ONNX file. Input `image`: float32 (1, 1, H, W), scaled to 0..1 over the whole frame,
H and W multiples of `multiple_px`. Output `probability`: float32 (1, channels, H, W), one channel
per class and, unless there is a single class, the background as the last.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import ModelError

__all__ = ["IMAGE", "PROBABILITY", "Segmentation", "read_segmentation"]

IMAGE: Final = "image"
PROBABILITY: Final = "probability"
Element = Annotated[str, Field(pattern=r"^(X|[A-Z][a-z]?)$")]


class Segmentation(BaseModel):
    """How to feed and to read a network that paints classes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: Annotated[tuple[Element, ...], Field(min_length=1, max_length=8)]
    """Element of each channel; `X` where it has no name."""
    background: bool
    """Whether a last channel paints the background."""
    multiple_px: Annotated[int, Field(ge=1, le=256)]
    """Both sides of an image are multiples of it."""
    pixel_size_A: Annotated[float, Field(gt=0.01, lt=1)]
    """Sampling at which the network was trained; frames are brought to it."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Least mean probability of a candidate."""

    @property
    def channels(self) -> int:
        """Channels of the output."""
        return len(self.classes) + self.background


def read_segmentation(folder: Path) -> Segmentation | None:
    """Read the description; None where the model is none of these.

    Raises:
        ModelError: There is a description and it is not valid.
    """
    try:
        content = json.loads((folder / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return None  # `load_model` says what is wrong with the manifest
    if not isinstance(content, dict) or "segmentation" not in content:
        return None
    try:
        return Segmentation.model_validate(content["segmentation"])
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise ModelError(
            f"{folder / 'manifest.json'}: segmentation.{where}: {problem['msg']}.",
            remedy="Import the model again: inference-service import-atomai.",
        ) from error
