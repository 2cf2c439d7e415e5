"""The fitted brightness speaks as far as it can be trusted."""

import numpy as np
import pytest

from inference_service.detector.presence import (
    PRECISIONS,
    PresenceCalibration,
    doubted,
    present,
    trust_in_brightness,
)

CALIBRATION = PresenceCalibration(brightness=(1.0, 0.5, 0.0))


def said(p: float, evidence: float, precision: float) -> float:
    """Probability of one candidate."""
    return float(
        present(np.array([p]), np.array([evidence]), np.array([precision]), CALIBRATION)[0]
    )


def test_a_dark_place_holds_no_atom_at_high_dose() -> None:
    assert said(0.95, -12.0, 0.03) < 1e-3


def test_at_low_dose_the_network_has_the_word() -> None:
    assert said(0.95, -12.0, 0.5) == pytest.approx(0.95)


def test_without_a_fit_nothing_changes() -> None:
    assert said(0.3, 0.0, 1e3) == pytest.approx(0.3)


def test_trust_moves_gradually_from_node_to_node() -> None:
    between = np.sqrt(PRECISIONS[0] * PRECISIONS[1])
    shares = trust_in_brightness(np.array([*PRECISIONS, between, 1e-3, 9.0]))
    assert shares[:3] == pytest.approx(np.eye(3))
    assert shares[3] == pytest.approx([0.5, 0.5, 0.0])
    assert shares[4].tolist() == [1.0, 0.0, 0.0]
    assert shares[5].tolist() == [0.0, 0.0, 1.0]


def test_a_doubt_lowers_all_odds_alike() -> None:
    p = np.array([0.5, 0.9])
    odds = doubted(p, np.log(10.0)) / (1.0 - doubted(p, np.log(10.0)))
    assert odds == pytest.approx([0.1, 0.9])
    assert doubted(p, 0.0) is p
