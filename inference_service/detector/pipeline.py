"""A frame's way through the detector: pixels in, `FrameAnalysis` out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.analysis import FrameAnalysis
from shared.clock import Clock
from shared.messages import Calibration

__all__ = ["Detector", "shipped_model"]


def shipped_model() -> Path:
    """Return the folder of the ensemble that ships with the package."""
    return Path(__file__).resolve().parent.parent / "models" / "graphene"


class Detector:
    """An ensemble ready to look at frames; one frame at a time, from one thread at a time.

    Args:
        folder: The model's folder: `manifest.json` and the members it names.
        threads: Threads of the engine and of the refinement.
        clock: Times the stages; the machine's own by default.

    Raises:
        ModelError: The model is missing, tampered with or not self-contained.
    """

    def __init__(self, folder: Path, threads: int = 2, clock: Clock | None = None) -> None:
        raise NotImplementedError

    @property
    def digest(self) -> str:
        """SHA-256 of the whole ensemble, lower-case hexadecimal."""
        raise NotImplementedError

    @property
    def members(self) -> int:
        """Number of independent members that look at each frame."""
        raise NotImplementedError

    def analyze(self, image: NDArray[np.generic], calibration: Calibration) -> FrameAnalysis:
        """Find the atoms and defects of one frame.

        Args:
            image: (rows, columns), any real dtype; not changed.
            calibration: The pixel size the file or the operator states, if any.

        Returns:
            The analysis, positions in the image's own pixels.

        Raises:
            InputError: Not a two-dimensional image of numbers, too small or too large, or with
                nothing finite in it.
            UncalibratedError: No stated pixel size and no recognisable lattice.
        """
        raise NotImplementedError
