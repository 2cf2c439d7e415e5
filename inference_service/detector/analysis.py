"""The analysis of one frame, as the detector hands it on."""

from __future__ import annotations

from dataclasses import dataclass

from inference_service.detector.cover import Cover
from shared.messages import AtomTable, Defect, OutOfDistribution, PixelSizeSource, StageTimes

__all__ = ["FrameAnalysis"]


@dataclass(frozen=True)
class FrameAnalysis:
    """What the ensemble and the physics say of one frame."""

    table: AtomTable
    """(n_atoms,) of dtype `ATOM`, in the frame's own pixels, listed down to p = 0.05."""
    defects: tuple[Defect, ...]
    pixel_size_A: float
    """The size used, Å."""
    pixel_size_source: PixelSizeSource
    header_pixel_size_A: float | None
    """What the calibration handed in said, whoever said it."""
    dose_e_A2: float | None
    """Detected dose, e/Å²; None with `dose_note` where the gain is unknown."""
    dose_note: str | None
    cover: Cover
    """Amorphous matter over the sheet: area fraction and outlines."""
    ood: OutOfDistribution
    times: StageTimes
    warnings: tuple[str, ...] = ()
    """One sentence each for the operator, such as a contradicted `--pixel-size`."""
