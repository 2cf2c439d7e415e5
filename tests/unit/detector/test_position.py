"""The minimum-error estimate lies between its two sources and knows how good it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_service.detector.position import BESIDE_BRIGHT_A, astray, beside, combine

sigmas = st.floats(0.01, 2.0)


def both(prior, prior_sigma, fit, fit_sigma, correlation):
    x, s = combine(*(np.array([v]) for v in (prior, prior_sigma, fit, fit_sigma)), correlation)
    return float(x[0]), float(s[0])


@given(st.floats(-1, 1), sigmas, st.floats(-1, 1), sigmas, st.floats(0, 0.95))
def test_it_never_leaves_the_interval_of_its_sources(prior, sp, fit, sf, correlation):
    x, _ = both(prior, sp, fit, sf, correlation)
    assert min(prior, fit) - 1e-9 <= x <= max(prior, fit) + 1e-9


@given(sigmas, sigmas, st.floats(0, 0.95))
def test_agreeing_sources_make_it_at_least_as_good_as_the_better(sp, sf, correlation):
    _, s = both(0.0, sp, 0.0, sf, correlation)
    assert s <= min(sp, sf) * (1 + 1e-9)


def test_independent_equal_sources_are_averaged():
    assert both(0.0, 0.1, 0.1, 0.1, 0.0) == pytest.approx((0.05, 0.1 / np.sqrt(2)))


def test_sources_that_disagree_beyond_their_errors_widen_it():
    _, s = both(0.0, 0.05, 1.0, 0.05, 0.0)
    assert s > 0.1


def test_its_sigma_is_the_scatter_of_correlated_errors():
    rng = np.random.default_rng(3)
    sp, sf, correlation = 0.08, 0.12, 0.6
    covariance = correlation * sp * sf
    errors = rng.multivariate_normal([0, 0], [[sp**2, covariance], [covariance, sf**2]], 40_000)
    x, s = combine(errors[:, 0], np.full(40_000, sp), errors[:, 1], np.full(40_000, sf), 0.6)
    assert x.std() == pytest.approx(float(np.median(s)), rel=0.02)


def test_a_fit_that_agrees_with_the_network_keeps_its_sigma():
    variance = np.full((3, 2), 0.5)
    apart = np.array([[0.0, 0.0], [0.9, -0.9], [-1.2, 0.6]])
    assert (astray(apart, variance, 3.0) < 0.05 * variance).all()


def test_a_fit_far_from_the_network_is_believed_less():
    widened = astray(np.array([[8.0, 0.0]]), np.full((1, 2), 0.5), 3.0)
    assert float(widened[0, 0]) == pytest.approx(32.0, rel=0.01)


def test_only_neighbours_of_a_bright_atom_are_widened():
    xy = np.array([[0.0, 0.0], [17.0, 0.0], [40.0, 0.0]])
    bright = np.array([True, False, False])
    widened = beside(xy, bright, 0.1)
    assert widened[:, 0].tolist() == pytest.approx([0.0, (BESIDE_BRIGHT_A / 0.1) ** 2, 0.0])
    assert not beside(xy, ~np.ones(3, dtype=bool), 0.1).any()
