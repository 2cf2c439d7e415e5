"""Scan noise and misfit are read off the residual."""

import numpy as np
import pytest
from scipy import ndimage

from inference_service.detector.error_budget import measure_error_budget


def lattice(shift_rows=None, side=320):
    rows, cols = np.mgrid[:side, :side].astype(float)
    if shift_rows is not None:
        cols = cols - shift_rows[:, None]
    return (50 + 20 * np.cos(2 * np.pi * cols / 14) + 20 * np.cos(2 * np.pi * rows / 14)).astype(
        np.float32
    )


def budget(measured, expected):
    places = np.random.default_rng(6).uniform(40, 280, (50, 2))
    return measure_error_budget(measured - expected, expected, 1 / expected, 4.0, places)


def test_photon_noise_alone_adds_next_to_nothing():
    expected = lattice()
    measured = np.random.default_rng(1).poisson(expected).astype(np.float32)
    found = budget(measured, expected)
    assert (found.inflation < 1.35).all()
    assert (found.scan_px < 0.02).all()


def test_line_jitter_is_measured_along_the_rows():
    rng = np.random.default_rng(2)
    moved = lattice(rng.normal(0, 0.5, 320))
    found = budget(rng.poisson(moved).astype(np.float32), lattice())
    rows_covered = 2 * np.sqrt(np.pi) * 4.0 / np.sqrt(2)
    assert found.scan_px[0] == pytest.approx(0.5 / np.sqrt(rows_covered), rel=0.15)
    assert found.scan_px[1] < 0.3 * found.scan_px[0]


def test_structure_of_an_atoms_size_inflates_sigma():
    rng = np.random.default_rng(3)
    structure = ndimage.gaussian_filter(rng.normal(0, 1, (320, 320)), 3.0) * 40
    expected = lattice()
    measured = rng.poisson(expected) + structure
    assert np.median(budget(measured.astype(np.float32), expected).inflation) > 2.0


def test_misfit_here_does_not_widen_sigma_there():
    rng = np.random.default_rng(7)
    structure = ndimage.gaussian_filter(rng.normal(0, 1, (320, 320)), 3.0) * 40
    structure[:, 100:] = 0.0
    expected = lattice()
    measured = (rng.poisson(expected) + structure).astype(np.float32)
    places = np.column_stack([np.linspace(20, 300, 15), np.full(15, 160.0)])
    found = measure_error_budget(measured - expected, expected, 1 / expected, 4.0, places)
    assert found.inflation[places[:, 0] < 80].min() > 1.8
    assert found.inflation[places[:, 0] > 180].max() < 1.35


def test_variances_only_ever_grow():
    expected = lattice()
    found = budget(np.random.default_rng(4).poisson(expected).astype(np.float32), expected)
    variance = np.random.default_rng(5).random((50, 3))
    assert (found.widen(variance)[:, :2] >= variance[:, :2]).all()
