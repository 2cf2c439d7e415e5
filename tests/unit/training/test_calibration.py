"""Temperature, bias and scale are recovered from evidence that was made with known ones."""

import json
from pathlib import Path

import numpy as np
import pytest

from inference_service.detector.model import Calibrations
from inference_service.training.calibration import (
    Calibration,
    Evidence,
    fit_calibration,
    write_calibration,
)
from inference_service.training.ensemble_folder import add_member
from inference_service.training.recipe import Recipe


def _evidence(temperature: float, bias: float, scale: float) -> Evidence:
    rng = np.random.default_rng(0)
    logit = rng.normal(0, 3, 20_000)
    right = rng.random(20_000) < 1 / (1 + np.exp(-(logit / temperature + bias)))
    common, own = rng.normal(size=(2, 20_000, 2))
    errors = np.hstack([common + own, common - own * 0.5])
    return Evidence(1 / (1 + np.exp(-logit)), right, scale * rng.normal(size=(20_000, 2)), errors)


@pytest.mark.parametrize(
    ("temperature", "bias", "scale"), [(1.0, 0.0, 1.0), (2.0, 0.5, 0.7), (0.6, -1.0, 1.8)]
)
def test_known_distortions_are_found(temperature: float, bias: float, scale: float) -> None:
    found = fit_calibration(_evidence(temperature, bias, scale))
    assert found.temperature == pytest.approx(temperature, rel=0.08)
    assert found.bias == pytest.approx(bias, abs=0.1)
    assert found.sigma_scale == pytest.approx(scale, rel=0.03)
    assert found.fit_correlation == pytest.approx(0.5 / np.sqrt(2 * 1.25), abs=0.03)


def test_serving_reads_what_was_written(tmp_path: Path) -> None:
    add_member(tmp_path, 1, 1, b"one", Recipe())
    write_calibration(tmp_path, Calibration(0.8, 0.4, 0.9, 0.5))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    read = Calibrations.model_validate(manifest["calibration"])
    assert (read.temperature, read.bias) == (0.8, 0.4)
    assert (read.sigma_scale, read.fit_correlation) == (0.9, 0.5)
    assert len(manifest["members"]) == 1
