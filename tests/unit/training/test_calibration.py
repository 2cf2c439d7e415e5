"""Temperature, bias, weights and factors are recovered from evidence made with known ones."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from inference_service.detector.decode import Candidates
from inference_service.detector.error_calibration import PositionCalibration, Stratum
from inference_service.detector.model import Calibrations
from inference_service.detector.pipeline import shipped_model
from inference_service.detector.presence import PresenceCalibration, present
from inference_service.training.calibration import (
    fit_positions,
    fit_presence,
    overstated,
    write_calibration,
)
from inference_service.training.calibration_evidence import SAME_A, Sight, look_at_frames
from inference_service.training.ensemble_folder import add_member
from inference_service.training.lattice_net import honeycomb
from inference_service.training.recipe import Recipe

PIXEL_A = 0.104
SHEET_PX = honeycomb(0.0, 40.0, 0.3, np.zeros(2)) / PIXEL_A


@dataclass(frozen=True)
class FitOnly:
    """What a calibration reads of a fit."""

    xy_px: np.ndarray
    variance_px2: np.ndarray
    amplitude: np.ndarray
    typical: float = 1.0


def sight(rng, sigma_A, truth_over_stated, network_scale):
    """Make a frame whose fit errs by more than it states, and its network by another factor."""
    n, sigma = len(SHEET_PX), sigma_A / PIXEL_A
    noise = rng.normal(size=(n, 2))
    network = 0.02 / PIXEL_A
    candidates = Candidates(
        xy_px=SHEET_PX + network_scale * network * rng.normal(size=(n, 2)),
        p=np.full(n, 0.99),
        p_spread=np.zeros(n),
        sigma_xy_px=np.full((n, 2), network),
        spread_px=np.zeros(n),
        species=np.tile([1.0, 0.0, 0.0], (n, 1)),
        contamination=np.zeros(n),
    )
    fit = FitOnly(
        SHEET_PX + truth_over_stated * sigma * noise, np.full((n, 3), sigma**2), np.ones(n)
    )
    return Sight(
        candidates=candidates,
        refined=fit,
        truth=SHEET_PX,
        pixel_A=PIXEL_A,
        p=candidates.p,
        evidence=np.zeros(n),
        precision=np.ones(n),
        right=np.ones(n, dtype=bool),
        judged=np.ones(n, dtype=bool),
        xy_A=SHEET_PX * PIXEL_A,
        light=np.ones(n, dtype=bool),
        field_A=(40.0, 40.0),
    )


@pytest.mark.parametrize(
    ("temperature", "bias", "weights"),
    [(1.0, 0.0, (0.9, 0.6, 0.3)), (2.0, 0.5, (0.3, 0.2, 0.1)), (0.6, -1.0, (1.0, 0.5, 0.0))],
)
def test_known_distortions_of_p_are_found(temperature, bias, weights):
    rng = np.random.default_rng(0)
    known = PresenceCalibration(temperature=temperature, bias=bias, brightness=weights)
    p = 1 / (1 + np.exp(-rng.normal(0, 3, 40_000)))
    evidence = rng.normal(0, 2, 40_000)
    precision = np.exp(rng.uniform(np.log(0.03), np.log(0.5), 40_000))
    right = rng.random(40_000) < present(p, evidence, precision, known)
    found = fit_presence(p, evidence, precision, right)
    assert found.temperature == pytest.approx(temperature, rel=0.1)
    assert found.bias == pytest.approx(bias, abs=0.1)
    assert found.brightness == pytest.approx(weights, abs=0.1)


def test_factors_of_each_noise_level_are_found():
    rng = np.random.default_rng(1)
    frames = [sight(rng, 0.03, 1.3, 1.5) for _ in range(6)]
    frames += [sight(rng, 0.20, 0.9, 1.5) for _ in range(6)]
    figures = fit_positions(frames)
    fine, coarse = figures.strata
    assert (fine.fit_sigma_A, coarse.fit_sigma_A) == pytest.approx((0.03, 0.20), rel=0.05)
    assert fine.fit_scale == pytest.approx(1.3, rel=0.05)
    assert coarse.fit_scale == pytest.approx(0.9, rel=0.1)
    assert figures.network_scale == pytest.approx(1.5, rel=0.1)
    assert max(fine.sheet_correlation, coarse.sheet_correlation) < 0.2


def test_a_frame_torn_to_pieces_does_not_set_the_sigma_of_all():
    rng = np.random.default_rng(2)
    frames = [sight(rng, 0.1, 1.0, 1.0) for _ in range(11)]
    torn = sight(rng, 0.1, 1.0, 1.0)
    torn = replace(torn, truth=torn.truth + rng.normal(0, 5.0, torn.truth.shape))
    figures = fit_positions([*frames, torn])
    assert [one.fit_scale for one in figures.strata] == pytest.approx([1.0, 1.0], abs=0.08)


def test_a_common_shift_is_nobodys_error():
    rng = np.random.default_rng(3)
    frames = [sight(rng, 0.05, 1.0, 1.0) for _ in range(6)]
    moved = [replace(one, truth=one.truth + 1.0) for one in frames]
    still, shifted = (fit_positions(f).strata[0].best_scale for f in (frames, moved))
    assert shifted == pytest.approx(still, rel=1e-6)


def test_too_few_frames_change_nothing():
    rng = np.random.default_rng(4)
    assert fit_positions([sight(rng, 0.1, 2.0, 1.0)] * 3) == PositionCalibration()


def test_a_factor_is_the_root_mean_square_of_the_middle_frames():
    frames = [np.full((5, 2), size) for size in (0.0, 2.0, 2.0, 2.0, 4.0)]
    assert overstated(frames) == pytest.approx(2.0)


def test_factors_between_noise_levels_are_interpolated():
    figures = PositionCalibration(
        strata=(
            Stratum(fit_sigma_A=0.4, fit_scale=2.0, best_scale=1.0),
            Stratum(fit_sigma_A=0.1, fit_scale=1.0, best_scale=3.0),
        )
    )
    between, below = figures.at(0.2), figures.at(0.01)
    assert (between.fit_scale, between.best_scale) == pytest.approx((1.5, 2.0))
    assert (below.fit_scale, below.best_scale) == pytest.approx((1.0, 3.0))
    assert PositionCalibration().at(0.2) == Stratum(fit_sigma_A=0.2)


def test_serving_reads_what_was_written(tmp_path: Path) -> None:
    add_member(tmp_path, 1, 1, b"one", Recipe())
    position = PositionCalibration(strata=(Stratum(fit_sigma_A=0.12345678, fit_scale=1.1),))
    presence = PresenceCalibration(temperature=0.8, bias=0.4)
    write_calibration(tmp_path, Calibrations(presence=presence, position=position))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    read = Calibrations.model_validate(manifest["calibration"])
    assert read.presence == presence
    assert read.position.strata[0].fit_sigma_A == 0.1235
    assert len(manifest["members"]) == 1


def test_frames_are_seen_as_serving_sees_them() -> None:
    for seen in look_at_frames(shipped_model(), 2, 1):
        assert len(seen.truth) == len(seen.candidates) == len(seen.refined.xy_px)
        assert len(seen.p) == len(seen.evidence) == len(seen.right)
        known = np.isfinite(seen.truth[:, 0])
        apart = np.hypot(*(seen.candidates.xy_px - seen.truth)[known].T) * seen.pixel_A
        assert known.sum() > 100
        assert apart.max() < SAME_A
        assert (seen.candidates.p[known] >= 0.5).all()
        assert np.mean(seen.right[seen.judged & (seen.p > 0.9)]) > 0.8
