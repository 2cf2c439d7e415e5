"""What the edge asks of anything that produces frames."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.errors import AtomLoopError
from shared.messages import Acquisition, Calibration

__all__ = ["FrameSource", "Offer", "RawFrame", "RefusedInput"]


@dataclass(frozen=True, slots=True, eq=False)
class RawFrame:
    """One image as its source delivered it.

    Attributes:
        pixels: (rows, columns), any real number type, any byte order.
        calibration: Pixel size and who says so.
        acquisition: The microscope's state, as far as it is known.
        missed: Frames that the instrument finished just before this one and that could not be
            picked up in time.
    """

    pixels: NDArray[np.generic]
    calibration: Calibration
    acquisition: Acquisition
    missed: int = 0


@dataclass(frozen=True, slots=True)
class RefusedInput:
    """One input that gave no frame; the source goes on with the next.

    Attributes:
        origin: File name or acquisition id.
        error: Cause and remedy.
    """

    origin: str
    error: AtomLoopError


Offer = RawFrame | RefusedInput


class FrameSource(Protocol):
    """A producer of frames, owned and iterated by one thread.

    A live source never waits for its consumer: what is not picked up is counted in
    `RawFrame.missed`. A pausable one is only asked for the next frame when there is room.
    """

    @property
    def pausable(self) -> bool:
        """Whether the source may be kept waiting without losing anything."""
        ...

    def describe(self) -> str:
        """Say in one line what is acquired from, with the settings that matter."""
        ...

    def frames(self) -> Generator[Offer]:
        """Yield frames until the source ends or `close` is called."""
        ...

    def close(self) -> None:
        """Stop acquiring and free everything; safe from another thread, and twice."""
        ...
