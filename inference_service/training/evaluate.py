"""Score the serving pipeline on simulated frames of families nobody trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference_service.detector.analysis import FrameAnalysis
from inference_service.detector.pipeline import Detector
from inference_service.training.scores import Found, Summary, score_frame, summarise
from inference_service.training.simulated_frame import USUAL_PIXEL_A, NativeFrame, native_frame
from inference_service.training.specimen import FAMILIES
from inference_service.training.targets import species_class
from shared.messages import Calibration

__all__ = ["Trial", "evaluate", "trial_frames"]


@dataclass(frozen=True)
class Trial:
    """What to score.

    Attributes:
        families: names of families, held out or not.
        counts_per_carbon: doses, in detected electrons per carbon atom.
        frames: frames of each family at each dose.
        side: rows and columns.
        seed: of the frames; no training run uses it.
    """

    families: tuple[str, ...]
    counts_per_carbon: tuple[float, ...]
    frames: int
    side: int = 512
    seed: int = 900_001


def trial_frames(trial: Trial, family: str, counts: float) -> Iterator[NativeFrame]:
    """Simulate the frames of one row; half at the usual sampling, half at 0.08 to 0.16 Å."""
    for k in range(trial.frames):
        rng = np.random.default_rng([trial.seed, k, int(counts)])
        pixel_A = USUAL_PIXEL_A if k % 2 == 0 else float(rng.uniform(0.08, 0.16))
        yield native_frame(rng, FAMILIES[family], trial.side, pixel_A, counts)


def evaluate(
    trial: Trial, model: Path, threads: int, say: Callable[[str, float, Summary], None]
) -> list[tuple[str, float, Summary]]:
    """Run the serving pipeline over a trial.

    Args:
        trial: the frames.
        model: folder of the ensemble.
        threads: of the engine.
        say: told each row as it is ready.

    Returns:
        Family, dose and summary of each row.
    """
    detector = Detector(model, threads)
    rows = []
    for family in trial.families:
        for counts in trial.counts_per_carbon:
            scores = [
                score_frame(frame, _found(detector, frame))
                for frame in trial_frames(trial, family, counts)
            ]
            rows.append((family, counts, summarise(scores)))
            say(*rows[-1])
    return rows


def _found(detector: Detector, frame: NativeFrame) -> Found:
    """Analyse a frame, its sampling told as a file's header would."""
    calibration = Calibration(pixel_size_A=frame.pixel_A, source="header")
    return as_found(detector.analyze(frame.image, calibration))


def as_found(analysis: FrameAnalysis) -> Found:
    """Read the table of atoms."""
    table = analysis.table
    number = table["atomic_number"].astype(np.int64)
    return Found(
        xy_px=_columns(analysis, ("x_px", "y_px")),
        fit_px=_columns(analysis, ("x_fit_px", "y_fit_px")),
        sigma_px=np.sqrt(
            0.5 * np.sum(_columns(analysis, ("sigma_x_px", "sigma_y_px")) ** 2, axis=1)
        ),
        fit_sigma_px=table["sigma_fit_px"].astype(np.float64),
        species=np.where(number == 0, 3, species_class(number)),
        p=table["p"].astype(np.float64),
    )


def _columns(analysis: FrameAnalysis, names: Sequence[str]) -> np.ndarray:
    """Stack columns of the table as float64."""
    return np.column_stack([analysis.table[name].astype(np.float64) for name in names])
