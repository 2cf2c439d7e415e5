"""The estimate on the sheet: near the Bayes limit, honest, and blind to nothing that is real."""

import numpy as np
import pytest

from inference_service.detector import lattice_prior
from inference_service.detector.lattice_prior import (
    LARGE_TAU_A,
    estimate_on_sheet,
    posterior_mean,
)
from inference_service.detector.threefold import find_threefold
from inference_service.training.lattice_net import bond_by_distance, honeycomb, relaxed_positions

PIXEL_A = 0.104
SIDE_A = 60.0
SHEET_A = honeycomb(0.0, SIDE_A, 0.3, np.zeros(2))
STRAIN = np.array([[1.01, 0.015], [0.0, 0.99]])


@pytest.fixture(autouse=True)
def independent_errors(monkeypatch):
    """A fit's errors are correlated between neighbours; those made here are not."""
    monkeypatch.setattr(lattice_prior, "NOISE_OF_RESIDUAL", 1.0)


def inner(xy_A, margin=4.0):
    return ((xy_A > margin) & (xy_A < SIDE_A - margin)).all(axis=1)


def estimate(true_A, sigma_A, seed=0):
    rng = np.random.default_rng(seed)
    seen_A = true_A + rng.normal(0, sigma_A, true_A.shape)
    every = np.ones(len(true_A), dtype=bool)
    net = find_threefold(true_A, ~every, every)
    variance = np.full(true_A.shape, (sigma_A / PIXEL_A) ** 2)
    found = estimate_on_sheet(seen_A / PIXEL_A, variance, net, PIXEL_A)
    return found, (found.xy_px * PIXEL_A - true_A)


def test_a_strained_perfect_sheet_is_returned_as_it_is():
    found, error = estimate(SHEET_A @ STRAIN, 1e-4)
    assert np.abs(error).max() < 5e-4
    assert found.prior.tau_A < 0.01


def test_smooth_strain_is_followed():
    wave = 0.3 * np.sin(2 * np.pi * SHEET_A[:, 1:] / 40.0) * np.array([1.0, 0.5])
    _, error = estimate(SHEET_A + wave, 0.10)
    inside = inner(SHEET_A)
    assert np.sqrt((error[inside] ** 2).mean()) < 0.05
    slope = (wave[inside] * (error + wave)[inside]).sum() / (wave[inside] ** 2).sum()
    assert 0.97 < slope < 1.03


@pytest.mark.parametrize("sigma_A", [0.05, 0.12, 0.25])
def test_it_comes_near_the_bayes_limit_and_knows_how_near(sigma_A):
    inside, z = inner(SHEET_A), []
    for tau_A in (0.0, 0.03, 0.06, 0.12):
        rng = np.random.default_rng(5)
        found, error = estimate(SHEET_A + rng.normal(0, tau_A, SHEET_A.shape), sigma_A)
        limit = tau_A**2 * sigma_A**2 / (tau_A**2 + sigma_A**2)  # were the sheet known exactly
        sheet = 0.09 * (tau_A**2 + sigma_A**2)  # an average over a dozen atoms
        assert (error[inside] ** 2).mean() < 1.1 * (limit + sheet)
        z.append(error[inside] / (np.sqrt(found.variance_px2[inside]) * PIXEL_A))
    assert 0.8 < np.std(z) < 1.15


@pytest.mark.parametrize("tau_A", [0.04, 0.08, 0.12])
def test_the_frame_tells_its_own_displacements(tau_A):
    rng = np.random.default_rng(6)
    found, _ = estimate(SHEET_A + rng.normal(0, tau_A, SHEET_A.shape), 0.05)
    assert found.prior.tau_A == pytest.approx(tau_A, rel=0.15)
    assert found.prior.following == pytest.approx(tau_A**2 / (tau_A**2 + 0.05**2), abs=0.1)


def test_a_faint_frame_does_not_claim_displacements():
    found, _ = estimate(SHEET_A, 0.3)
    assert found.prior.tau_A < 0.09
    assert found.prior.following < 0.1


def test_a_displacement_of_thirty_pm_survives_at_high_dose():
    atoms = np.flatnonzero(inner(SHEET_A, 8.0))[::37]
    moved = np.zeros_like(SHEET_A)
    moved[atoms] = 0.3 * np.column_stack([np.cos(atoms), np.sin(atoms)])
    followed = [
        (moved * (estimate(SHEET_A + moved, 0.035, seed)[1] + moved))[atoms].sum()
        for seed in range(10)
    ]
    assert np.mean(followed) / (moved**2).sum() > 0.97


def test_the_rim_of_a_vacancy_is_not_pulled_into_the_hole():
    net = bond_by_distance(SHEET_A)
    holes = [int(k) for k in np.flatnonzero(inner(SHEET_A, 8.0))[::61]]
    rims = [sorted(net.remove(hole)) for hole in holes]
    true = relaxed_positions(net)
    for rim, hole in zip(rims, holes, strict=True):  # relaxed outwards by 0.1 Å
        outward = true[rim] - SHEET_A[hole]
        true[rim] += 0.1 * outward / np.hypot(*outward.T)[:, None]
    _, error = estimate(true[net.alive], 0.12)
    place = np.cumsum(net.alive) - 1
    inward = [
        (-error[place[rim]] * (SHEET_A[rim] - SHEET_A[hole])).sum(axis=1).mean() / 1.42
        for rim, hole in zip(rims, holes, strict=True)
    ]
    assert abs(float(np.mean(inward))) < 0.03


def test_a_line_slip_is_not_smeared_where_the_fit_sees_it():
    slipped = SHEET_A + np.where(SHEET_A[:, 1:] > SIDE_A / 2, [0.4, 0.0], [0.0, 0.0])
    _, error = estimate(slipped, 0.02)
    near = inner(SHEET_A) & (np.abs(SHEET_A[:, 1] - SIDE_A / 2) < 1.5)
    assert np.sqrt((error[near] ** 2).mean()) < 0.04


def test_atoms_without_a_sheet_keep_the_fit():
    apart = np.array([[1.0, 1.0], [9.0, 9.0], [1.0, 9.0]])
    found, error = estimate(apart, 0.1)
    assert np.array_equal(found.following, np.ones(3))
    assert found.prior.atoms == 0
    assert np.allclose(found.variance_px2, (0.1 / PIXEL_A) ** 2)
    assert np.hypot(*error.T).max() < 0.5


@pytest.mark.parametrize(("measured", "sigma"), [(-5.0, 1.0), (0.0, 1.0), (0.3, 0.01), (-1e3, 1.0)])
def test_a_variance_is_never_negative_nor_beyond_its_measurement(measured, sigma):
    value = posterior_mean(measured, sigma, LARGE_TAU_A)
    assert 0.0 < value < max(measured, 0.0) + sigma
