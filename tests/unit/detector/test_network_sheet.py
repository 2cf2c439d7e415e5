"""The network's noise is smoothed with the sheet; what it drew back is given back."""

import numpy as np
import pytest

from inference_service.detector.network_sheet import network_on_sheet
from inference_service.detector.threefold import find_threefold
from inference_service.training.lattice_net import honeycomb

PIXEL_A = 0.104
SIDE_A = 50.0
SHEET_A = honeycomb(0.0, SIDE_A, 0.3, np.zeros(2))
INSIDE = ((SHEET_A > 4.0) & (SHEET_A < SIDE_A - 4.0)).all(axis=1)
EVERY = np.ones(len(SHEET_A), dtype=bool)
NET = find_threefold(SHEET_A, ~EVERY, EVERY)


def taken(tau_A, following, noise_A=0.06, seed=0):
    """Return errors and stated variances, Å: network alone, then on the sheet."""
    rng = np.random.default_rng(seed)
    own = rng.normal(0, tau_A, SHEET_A.shape) if tau_A else np.zeros_like(SHEET_A)
    seen = SHEET_A + following * own + rng.normal(0, noise_A, SHEET_A.shape)
    noise = np.full(SHEET_A.shape, (noise_A / PIXEL_A) ** 2)
    displacement = np.full((len(SHEET_A), 1), (tau_A / PIXEL_A) ** 2)
    place, variance = network_on_sheet(
        (seen / PIXEL_A, noise), NET, PIXEL_A, displacement, following
    )
    true = SHEET_A + own
    return (seen - true)[INSIDE], (place * PIXEL_A - true)[INSIDE], variance[INSIDE] * PIXEL_A**2


def test_where_atoms_are_not_displaced_its_noise_is_smoothed():
    alone, placed, _ = taken(0.0, 0.4)
    assert placed.std() < 0.45 * alone.std()


def test_where_they_are_what_it_drew_back_is_given_back():
    alone, placed, _ = taken(0.15, 0.5, 0.03)
    assert placed.std() < 0.8 * alone.std()


@pytest.mark.parametrize(("tau_A", "following"), [(0.0, 0.4), (0.05, 0.2), (0.08, 0.5), (0.12, 1)])
def test_the_stated_variance_is_that_of_the_error(tau_A, following):
    _, placed, variance = taken(tau_A, following)
    assert 0.8 < np.std(placed / np.sqrt(variance)) < 1.15


def test_atoms_without_a_rule_stay_as_they_are():
    free = np.setdiff1d(np.arange(len(SHEET_A)), NET.centre)
    xy = SHEET_A / PIXEL_A
    noise = np.full(xy.shape, 0.3)
    place, variance = network_on_sheet((xy + 0.2, noise), NET, PIXEL_A, noise[:, :1], 0.5)
    assert len(free) > 10
    assert np.array_equal(place[free], xy[free] + 0.2)
    assert np.array_equal(variance[free], noise[free])
