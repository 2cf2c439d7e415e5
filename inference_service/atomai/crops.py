"""Cut labelled frames into the crops that AtomAI's trainer takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.atomai.labelled_frame import LabelledFrame
from inference_service.detector.segmentation.member import scaled
from shared.errors import InputError

__all__ = ["Cutting", "cut"]

MULTIPLE_PX: Final = 8
"""A default U-Net halves its input three times."""


@dataclass(frozen=True)
class Cutting:
    """How crops are cut."""

    side_px: int = 256
    count: int = 4500
    """Crops in all; the paper's number, from 100 frames."""
    seed: int = 1


def cut(
    frames: Sequence[LabelledFrame], how: Cutting
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Cut crops at random places, each turned or mirrored at random.

    A frame is scaled to 0..1 as a whole before it is cut, as a whole frame is when the trained
    network looks at it. Every second crop lies about an atom, drawn with equal chance for each
    class so that the rare one is seen; the others lie anywhere.

    Args:
        frames: Labelled, of one sampling and the same classes.
        how: Size and number.

    Returns:
        Images (n, side, side) and masks of the same shape, background as the last class.

    Raises:
        InputError: A frame is smaller than a crop, or the frames do not go together.
    """
    check(frames, how.side_px)
    rng = np.random.default_rng(how.seed)
    whole = [scaled(frame.image) for frame in frames]
    images = np.empty((how.count, how.side_px, how.side_px), dtype=np.float32)
    masks = np.empty(images.shape, dtype=np.uint8)
    for n in range(how.count):
        k = int(rng.integers(len(frames)))
        top, left = corner(frames[k], how.side_px, rng, near_atom=n % 2 == 0)
        window = np.s_[top : top + how.side_px, left : left + how.side_px]
        turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        for source, target in ((whole[k], images), (frames[k].mask, masks)):
            piece = np.rot90(source[window], turns)
            target[n] = piece.T if mirrored else piece
    return images, masks


def corner(
    frame: LabelledFrame, side: int, rng: np.random.Generator, *, near_atom: bool
) -> tuple[int, int]:
    """Draw the first row and column of a crop."""
    free = np.array(frame.image.shape) - side
    if near_atom and len(frame.xy_px):
        present = np.unique(frame.atom_class)
        chosen = np.nonzero(frame.atom_class == rng.choice(present))[0]
        centre = frame.xy_px[rng.choice(chosen), ::-1] + rng.uniform(-side / 3, side / 3, 2)
        top, left = np.clip(np.rint(centre - side / 2), 0, free).astype(int)
        return int(top), int(left)
    return int(rng.integers(free[0] + 1)), int(rng.integers(free[1] + 1))


def check(frames: Sequence[LabelledFrame], side: int) -> None:
    """Refuse frames that cannot be trained on together.

    Raises:
        InputError: As said.
    """
    if not frames:
        raise InputError("No labelled frame was named.", remedy="Run inference-service label.")
    if side % MULTIPLE_PX or side < 4 * MULTIPLE_PX:
        raise InputError(
            f"A crop of {side} px cannot be halved three times.",
            remedy=f"Name a multiple of {MULTIPLE_PX} px, {4 * MULTIPLE_PX} or more.",
        )
    smallest = min(min(frame.image.shape) for frame in frames)
    if smallest < side:
        raise InputError(
            f"A labelled frame has {smallest} px, fewer than a crop of {side}.",
            remedy=f"Cut smaller crops: --crop {smallest - smallest % MULTIPLE_PX}.",
        )
    if len({(frame.classes, frame.pixel_size_A) for frame in frames}) > 1:
        raise InputError(
            "The labelled frames differ in their classes or in their sampling.",
            remedy="Label them together.",
        )
