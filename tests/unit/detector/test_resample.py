"""Resampling keeps places where they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_service.detector.resample import Grid, pad_to_multiple, resample

factors = st.floats(0.3, 3.0)


def blob(shape, x, y, sigma):
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    return np.exp(-0.5 * ((cols - x) ** 2 + (rows - y) ** 2) / sigma**2).astype(np.float32)


def centroid(image):
    rows, cols = np.mgrid[: image.shape[0], : image.shape[1]]
    return (cols * image).sum() / image.sum(), (rows * image).sum() / image.sum()


@given(factor=factors, position=st.floats(-10, 1000))
def test_a_position_survives_the_way_there_and_back(factor, position):
    grid = Grid(factor)
    there = grid.to_new(np.array([position]))
    assert grid.to_old(there)[0] == pytest.approx(position, abs=1e-6)


@given(factor=factors, length=st.integers(64, 2000))
def test_the_new_grid_covers_the_old_one_and_no_pixel_more(factor, length):
    new = Grid(factor).new_length(length)
    assert new * factor >= length - 1e-3
    assert (new - 1) * factor < length


@pytest.mark.parametrize("factor", [0.53, 0.75, 1.3, 1.9])
def test_a_spot_is_found_where_the_mapping_says(factor):
    x, y = 47.3, 61.8
    grid = Grid(factor)
    resampled = resample(blob((120, 130), x, y, 5.0), grid)
    assert centroid(resampled) == pytest.approx(tuple(grid.to_new(np.array([x, y]))), abs=0.01)


@settings(max_examples=30, deadline=None)
@given(factor=factors)
def test_a_flat_image_stays_flat(factor):
    assert resample(np.full((70, 90), 3.5, np.float32), Grid(factor)) == pytest.approx(3.5)


def test_an_image_at_the_canonical_sampling_is_left_alone():
    image = np.random.default_rng(1).random((64, 64), dtype=np.float32)
    assert resample(image, Grid(1.0)) is image


def test_fine_detail_is_averaged_instead_of_aliased():
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (64, 64))
    assert np.ptp(resample(stripes, Grid(2.0))[:, 2:-2]) < 0.05


@pytest.mark.parametrize("shape", [(64, 64), (65, 71), (897, 640)])
def test_padding_reaches_the_next_multiple_and_keeps_the_image(shape):
    image = np.random.default_rng(2).random(shape, dtype=np.float32)
    padded = pad_to_multiple(image, 8)
    assert padded.shape[0] % 8 == 0
    assert padded.shape[1] % 8 == 0
    assert np.array_equal(padded[: shape[0], : shape[1]], image)
