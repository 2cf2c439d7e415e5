"""Graphene's reflections give the pixel size, and nothing else does."""

import numpy as np
import pytest

from inference_service.detector.lattice_scale import measure_lattice
from inference_service.training.simulated_frame import native_frame
from inference_service.training.specimen import FAMILIES


@pytest.mark.parametrize("pixel", [0.05, 0.078, 0.104, 0.16])
def test_the_pixel_size_is_measured_at_a_real_dose(render, pixel):
    side = int(34 / pixel)
    frame = render(shape=(side, side), pixel_size_A=pixel, counts=100.0, seed=3)
    found = measure_lattice(frame.image)
    assert found is not None
    assert found.pixel_size_A == pytest.approx(pixel, rel=0.01)
    assert abs(found.pixel_size_A - pixel) < 4 * found.sigma_A


def test_sparse_counts_suffice(render):
    found = measure_lattice(render(shape=(448, 448), counts=25.0).image)
    assert found is not None
    assert found.pixel_size_A == pytest.approx(0.104, rel=0.01)


def test_the_frame_need_not_be_square(render):
    found = measure_lattice(render(shape=(300, 420), counts=200.0).image)
    assert found is not None
    assert found.pixel_size_A == pytest.approx(0.104, rel=0.01)


@pytest.mark.parametrize("pixel", [0.08, 0.11, 0.16])
def test_the_lowest_dose_on_a_small_frame_suffices(render, pixel):
    frame = render(shape=(256, 256), pixel_size_A=pixel, counts=25.0, seed=5)
    found = measure_lattice(frame.image)
    assert found is not None
    assert found.pixel_size_A == pytest.approx(pixel, rel=0.015)


def test_a_large_frame_is_binned_and_still_measured_exactly(render):
    found = measure_lattice(render(shape=(700, 651), counts=60.0).image)
    assert found is not None
    assert found.pixel_size_A == pytest.approx(0.104, rel=0.004)


def test_a_wide_probe_at_a_low_dose_shows_one_order(render):
    found = measure_lattice(render(shape=(384, 384), counts=40.0, fwhm_A=1.6, tail=0.0).image)
    assert found is not None
    assert found.orders == 1
    assert found.pixel_size_A == pytest.approx(0.104, rel=0.015)


def test_two_grains_share_one_scale():
    frame = native_frame(
        np.random.default_rng(4), FAMILIES["grain_boundary"], 384, 0.12, counts_per_carbon=100.0
    )
    found = measure_lattice(frame.image)
    assert found is not None
    assert found.pixel_size_A == pytest.approx(0.12, rel=0.03)


def test_scan_distortion_goes_into_the_distortion_not_the_size(render):
    frame = render(shape=(448, 448), counts=400.0, strain=(0.02, -0.02, 0.0))
    found = measure_lattice(frame.image)
    assert found is not None
    assert found.pixel_size_A == pytest.approx(0.104, rel=0.005)
    assert found.distortion == pytest.approx(0.02, abs=0.006)


def test_a_bright_atom_does_not_hide_the_lattice(render):
    frame = render(counts=100.0, dopants=(("Au", 0.5, 0.5),))
    assert measure_lattice(frame.image) is not None


def test_noise_is_never_given_a_size():
    rng = np.random.default_rng(11)
    sizes = [measure_lattice(rng.poisson(2.0, (256, 256)).astype(float)) for _ in range(10)]
    assert sizes == [None] * 10


def test_a_square_lattice_is_not_graphene():
    rows, cols = np.mgrid[:320, :320]
    square = 2 + np.cos(2 * np.pi * rows / 20) + np.cos(2 * np.pi * cols / 20)
    noisy = np.random.default_rng(1).poisson(20 * square).astype(float)
    assert measure_lattice(noisy) is None


def test_smooth_structure_without_atoms_is_given_no_size():
    rows, cols = np.mgrid[:300, :300]
    smooth = 40 * (2 + np.sin(rows / 40) * np.cos(cols / 50))
    noisy = np.random.default_rng(3).poisson(smooth).astype(np.float32)
    assert measure_lattice(noisy) is None
