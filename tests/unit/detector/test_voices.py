"""Fit, sheet and network together: near the better of them, and true to what is really there."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from inference_service.detector import lattice_prior
from inference_service.detector.decode import Candidates
from inference_service.detector.error_calibration import PositionCalibration, Stratum
from inference_service.detector.position import hear
from inference_service.training.lattice_net import honeycomb

PIXEL_A = 0.104
SIDE_A = 60.0
SHEET_A = honeycomb(0.0, SIDE_A, 0.3, np.zeros(2))
INSIDE = ((SHEET_A > 5.0) & (SHEET_A < SIDE_A - 5.0)).all(axis=1)


@dataclass(frozen=True)
class FitOnly:
    """What is read of a fit."""

    xy_px: np.ndarray
    variance_px2: np.ndarray
    amplitude: np.ndarray = field(default_factory=lambda: np.ones(len(SHEET_A)))
    typical: float = 1.0


@pytest.fixture(autouse=True)
def independent_errors(monkeypatch):
    """A fit's errors are correlated between neighbours; those made here are not."""
    monkeypatch.setattr(lattice_prior, "NOISE_OF_RESIDUAL", 1.0)


def together(displaced_A, fit_A, network_A, following, seed=0):
    """Return errors, Å, of fit, network and the minimum-error estimate, and z of the last."""
    rng = np.random.default_rng(seed)
    n, true = len(SHEET_A), SHEET_A + displaced_A
    network = SHEET_A + following * displaced_A + rng.normal(0, network_A, (n, 2))
    candidates = Candidates(
        xy_px=network / PIXEL_A,
        p=np.full(n, 0.99),
        p_spread=np.zeros(n),
        sigma_xy_px=np.full((n, 2), network_A / PIXEL_A),
        spread_px=np.zeros(n),
        species=np.tile([1.0, 0.0, 0.0], (n, 1)),
        contamination=np.zeros(n),
    )
    seen = true + rng.normal(0, fit_A, (n, 2))
    fit = FitOnly(seen / PIXEL_A, np.full((n, 3), (fit_A / PIXEL_A) ** 2))
    level = Stratum(fit_sigma_A=fit_A, following=following, sheet_correlation=0.3)
    figures = PositionCalibration(network_scale=1.0, network_floor_A=0.0, strata=(level,))
    voices = hear(candidates, fit, PIXEL_A, figures)
    best, sigma = voices.best(0.0)
    error = best * PIXEL_A - true
    return seen - true, network - true, error, error / (sigma * PIXEL_A)


@pytest.mark.parametrize(("fit_A", "network_A"), [(0.20, 0.07), (0.10, 0.05), (0.04, 0.04)])
@pytest.mark.parametrize("tau_A", [0.0, 0.06])
def test_together_they_are_better_than_each(tau_A, fit_A, network_A):
    displaced = np.random.default_rng(1).normal(0, tau_A, SHEET_A.shape) if tau_A else 0 * SHEET_A
    fit, network, best, z = together(displaced, fit_A, network_A, 0.4)
    assert best[INSIDE].std() < min(fit[INSIDE].std(), network[INSIDE].std())
    assert 0.35 < z[INSIDE].std() < 1.3


def test_a_lone_displacement_of_thirty_pm_survives_a_network_that_draws_it_back():
    atoms = np.flatnonzero(INSIDE)[::41]
    displaced = np.zeros_like(SHEET_A)
    displaced[atoms] = 0.3 * np.column_stack([np.cos(atoms), np.sin(atoms)])
    followed = np.zeros(2)
    for seed in range(8):
        fit, _, best, _ = together(displaced, 0.035, 0.03, 0.6, seed)
        followed += [(displaced * (error + displaced)).sum() for error in (fit, best)]
    assert followed[1] > 0.97 * followed[0]


def test_a_fit_gone_astray_is_overruled():
    fit_A, network_A = 0.03, 0.04
    _, _, best, _ = together(np.zeros_like(SHEET_A), fit_A, network_A, 0.5)
    usual = best[INSIDE].std()
    rng = np.random.default_rng(2)
    astray = np.zeros_like(SHEET_A)
    lost = np.flatnonzero(INSIDE)[::41]
    astray[lost] = rng.normal(0, 0.5, (len(lost), 2))
    # the fit sees what is not there: as if displaced, but the network follows nothing of it
    fooled = together(astray, fit_A, network_A, 1e-6)[2][lost] + astray[lost]
    assert np.sqrt((fooled**2).mean()) < 0.5 * np.sqrt((astray[lost] ** 2).mean())
    assert usual < 0.03


def test_a_fit_that_tells_nothing_leaves_the_network_as_it_is():
    _, network, best, _ = together(np.zeros_like(SHEET_A), 0.6, 0.05, 0.5)
    assert np.abs(best - network).max() < 0.03
