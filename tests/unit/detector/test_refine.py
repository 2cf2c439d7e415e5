"""The physics fit is unbiased, efficient and honest about its error."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from inference_service.detector.joint_fit import Threads
from inference_service.detector.refine import refine


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as executor:
        yield Threads(executor, 2)


def fitted(frame, threads, start_error=0.04):
    """Fit from disturbed true positions; returns the fit and the errors of inner atoms, Å."""
    pixel = frame.scene.pixel_size_A
    rng = np.random.default_rng(8)
    start = frame.xy_px + rng.normal(0, start_error / pixel, frame.xy_px.shape)
    result = refine(frame.image, start, pixel, threads)
    high = np.array(frame.image.shape[::-1]) - 2.0 / pixel
    inner = ((frame.xy_px > 2.0 / pixel) & (frame.xy_px < high)).all(axis=1)
    return result, (result.xy_px - frame.xy_px)[inner] * pixel, inner


@pytest.mark.parametrize("counts", [100.0, 400.0, 1600.0])
def test_displacements_are_followed_fully_and_sigma_is_calibrated(render, threads, counts):
    frame = render(shape=(360, 360), counts=counts, displacement_A=0.08, seed=21)
    result, error, inner = fitted(frame, threads)
    truth = (frame.xy_px - frame.ideal_px)[inner] * frame.scene.pixel_size_A
    slope = float((truth * (truth + error)).sum() / (truth**2).sum())
    sigma = np.sqrt(result.variance_px2[inner, :2]) * frame.scene.pixel_size_A
    assert slope == pytest.approx(1.0, abs=0.05)
    assert float((error / sigma).std()) == pytest.approx(1.0, abs=0.15)


def test_the_error_is_near_the_bound_of_the_counts(render, threads):
    _, error, _ = fitted(render(shape=(360, 360), counts=500.0, tail=0.0), threads)
    # 4.5 pm is the in-lattice Cramér-Rao bound at 500 counts and FWHM 1.0 Å.
    assert 100 * np.sqrt((error**2).sum(axis=1).mean()) < 1.3 * 4.5


def test_gain_offset_and_unit_change_nothing(render, threads):
    plain = render(counts=400.0, seed=5)
    scaled = render(counts=400.0, seed=5, gain=31.0, offset=-700.0)
    a, _, _ = fitted(plain, threads)
    b, _, _ = fitted(scaled, threads)
    assert np.median(np.abs(a.xy_px - b.xy_px)) < 0.02
    assert b.noise.gain == pytest.approx(31.0, rel=0.15)
    assert np.median(b.counts) == pytest.approx(np.median(a.counts), rel=0.1)


def test_a_heavy_atom_does_not_pull_its_neighbours(render, threads):
    frame = render(counts=1000.0, dopants=(("Si", 0.5, 0.5),), seed=6)
    result, _, _ = fitted(frame, threads)
    silicon = int(np.argmax(frame.elements == "Si"))
    away = frame.xy_px - frame.xy_px[silicon]
    distance = np.hypot(*away.T) * frame.scene.pixel_size_A
    near = (distance > 0.5) & (distance < 1.9)
    radial = ((result.xy_px - frame.xy_px) * away).sum(axis=1) / np.hypot(*away.T).clip(1e-9)
    assert near.sum() == 3
    assert abs(radial[near].mean()) * frame.scene.pixel_size_A < 0.06
    ratio = result.amplitude[silicon] / np.median(result.amplitude)
    assert ratio == pytest.approx(4.0, rel=0.15)


def test_an_atom_placed_on_nothing_stays_and_is_given_no_precision(render, threads):
    frame = render(counts=400.0, hole_A=7.0)
    middle = np.array(frame.image.shape[::-1]) / 2
    start = np.vstack([frame.xy_px, middle])
    result = refine(frame.image, start, frame.scene.pixel_size_A, threads)
    assert np.isfinite(result.xy_px).all()
    assert result.amplitude[-1] < 0.2 * np.median(result.amplitude)


def test_two_candidates_on_one_atom_do_not_break_the_fit(render, threads):
    frame = render(counts=200.0)
    start = np.vstack([frame.xy_px, frame.xy_px[100:103] + 0.3])
    result = refine(frame.image, start, frame.scene.pixel_size_A, threads)
    assert np.isfinite(result.xy_px).all()
    assert (result.variance_px2[:, :2] > 0).all()


def test_pixels_marked_invalid_carry_no_weight(render, threads):
    frame = render(counts=400.0)
    spoiled = frame.image.copy()
    spoiled[150:156, 150:156] = 1e4
    valid = np.ones(spoiled.shape, dtype=bool)
    valid[150:156, 150:156] = False
    result = refine(spoiled, frame.xy_px, frame.scene.pixel_size_A, threads, valid)
    error = np.hypot(*(result.xy_px - frame.xy_px).T) * frame.scene.pixel_size_A
    assert np.median(error) < 0.08


def test_atoms_at_the_rim_outside_and_on_top_of_each_other_stay_finite(render, threads):
    frame = render(shape=(200, 260), counts=25.0, hole_A=5.0, dopants=(("Au", 0.3, 0.3),))
    odd = np.array([[130.0, 100.0], [-0.4, -0.4], [259.4, 199.4], [0.0, 100.0]])
    start = np.vstack([frame.xy_px, frame.xy_px[:4], frame.xy_px[:4] + 0.2, odd])
    result = refine(frame.image, start, frame.scene.pixel_size_A, threads)
    assert np.isfinite(result.xy_px).all()
    assert np.isfinite(result.amplitude_sigma).all()
    assert (result.variance_px2[:, :2] > 0).all()


def test_line_jitter_widens_sigma(render, threads):
    frame = render(shape=(360, 360), counts=1600.0, seed=9)
    rows = np.random.default_rng(2).integers(-2, 3, len(frame.image))
    shaken = np.stack([np.roll(line, k) for line, k in zip(frame.image, rows, strict=True)])
    still = refine(frame.image, frame.xy_px, frame.scene.pixel_size_A, threads)
    moving = refine(shaken, frame.xy_px, frame.scene.pixel_size_A, threads)
    assert moving.scan_px2[0] > 5 * still.scan_px2[0]
    assert np.median(moving.variance_px2[:, 0]) > 1.3 * np.median(still.variance_px2[:, 0])
