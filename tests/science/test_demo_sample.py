"""The shipped ensemble on the demo's sample, which neither trained nor was drawn by its simulator.

The sample and its image come from `edge_agent`, written apart from the training's simulator.
``python tests/science/test_demo_sample.py`` prints the figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from edge_agent.sources.specimen import Exposure, Truth, View, expose, mixed_defect_field
from inference_service.detector.analysis import FrameAnalysis
from inference_service.detector.pipeline import Detector, shipped_model
from shared.messages import Calibration

PIXEL_A = 0.104
VIEW = View((896, 896), PIXEL_A)
CURRENT_PA, DWELL_US = 180.0, 4.0
BORDER_PX = 10.0
SEEDS = (1, 2, 3)
ERRORS = (("y_px", "sigma_y_px"), ("x_px", "sigma_x_px"))
FIT_ERRORS = (("y_fit_px", "sigma_fit_px"), ("x_fit_px", "sigma_fit_px"))


@dataclass(frozen=True)
class Score:
    """Agreement of one frame's analysis with the truth."""

    f1_half: float
    f1_quarter: float
    rms_pm: float
    error_over_sigma: float
    """Standard deviation over both axes; 1 is honest."""
    fit_error_over_sigma: float
    silicon_precision: float
    silicon_recall: float
    classes_right: int
    classes: int


def analyses() -> Iterator[tuple[Truth, FrameAnalysis]]:
    specimen = mixed_defect_field()
    truth = specimen.truth(VIEW)
    detector = Detector(shipped_model(), threads=2)
    for seed in SEEDS:
        image = expose(specimen, VIEW, Exposure(CURRENT_PA, DWELL_US), np.random.default_rng(seed))
        yield truth, detector.analyze(image, Calibration(pixel_size_A=PIXEL_A, source="header"))
    detector.close()


def score(truth: Truth, analysis: FrameAnalysis) -> Score:
    table = analysis.table[analysis.table["p"] >= 0.5]
    points = np.column_stack([table["y_px"], table["x_px"]])
    to_truth, nearest = cKDTree(truth.positions_px).query(points)
    to_found, _ = cKDTree(points).query(truth.positions_px)
    seen, real = to_truth[inner(points)] * PIXEL_A, to_found[inner(truth.positions_px)] * PIXEL_A
    kept = inner(points) & (to_truth * PIXEL_A < 0.5)
    row, column = truth.positions_px[nearest].T
    true = {"y_px": row, "x_px": column, "y_fit_px": row, "x_fit_px": column}
    silicon = truth.numbers == 14
    named = table["atomic_number"] == 14
    right = named & silicon[nearest] & (to_truth * PIXEL_A < 0.5)
    inside = silicon & inner(truth.positions_px)
    return Score(
        f1(seen, real, 0.5),
        f1(seen, real, 0.25),
        float(np.sqrt(np.mean(seen[seen < 0.5] ** 2)) * 100),
        float(np.std([(table[a] - true[a])[kept] / table[s][kept] for a, s in ERRORS])),
        float(np.std([(table[a] - true[a])[kept] / table[s][kept] for a, s in FIT_ERRORS])),
        float(right.sum() / named.sum()),
        float(np.isin(np.flatnonzero(inside), nearest[right]).mean()),
        int(sum(near(d.type, d.row, d.column, analysis) for d in truth.defects)),
        len(truth.defects),
    )


def inner(positions: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Atoms far enough from the border to be imaged whole."""
    high = np.array(VIEW.shape) - 1 - BORDER_PX
    return np.asarray(((positions > BORDER_PX) & (positions < high)).all(axis=1))


def f1(seen_A: NDArray[np.float64], real_A: NDArray[np.float64], radius_A: float) -> float:
    precision, recall = (seen_A < radius_A).mean(), (real_A < radius_A).mean()
    return float(2 * precision * recall / (precision + recall))


def near(kind: str, row: float, column: float, analysis: FrameAnalysis) -> bool:
    gaps = [np.hypot(d.y_px - row, d.x_px - column) for d in analysis.defects if d.type == kind]
    return min(gaps, default=np.inf) * PIXEL_A < 2.0


@pytest.mark.science
def test_an_unseen_sample_at_the_demos_dose_is_read_right() -> None:
    for truth, analysis in analyses():
        result = score(truth, analysis)
        assert result.f1_half > 0.99
        assert result.f1_quarter > 0.98
        assert result.rms_pm < 15
        assert 0.8 < result.error_over_sigma < 1.2
        assert 0.8 < result.fit_error_over_sigma < 1.2
        assert result.silicon_recall == 1.0
        assert result.silicon_precision > 0.8
        assert result.classes_right >= result.classes - 1
        assert not analysis.ood.flag


if __name__ == "__main__":
    for truth, analysis in analyses():
        print(score(truth, analysis), analysis.times)
