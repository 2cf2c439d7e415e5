"""Graphene's reflections give the pixel size, and nothing else does."""

import numpy as np
import pytest

from inference_service.detector.lattice_scale import measure_lattice


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
