"""The image scale that training and serving share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_service.detector.normalise import normalise


def _noisy(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.poisson(rng.uniform(0, 4, (64, 96))).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(gain=st.floats(1e-3, 1e4), offset=st.floats(-1e3, 1e3))
def test_gain_and_offset_do_not_matter(gain: float, offset: float) -> None:
    image = _noisy()
    moved = (gain * image.astype(np.float64) + offset * gain).astype(np.float32)
    assert np.allclose(normalise(moved), normalise(image), atol=2e-3)


def test_one_hot_pixel_leaves_the_rest_as_it_was() -> None:
    image = _noisy()
    struck = image.copy()
    struck[10, 10] = 1e6
    difference = np.abs(normalise(struck) - normalise(image))
    difference[10, 10] = 0
    assert difference.max() < 0.05


def test_very_bright_values_are_compressed() -> None:
    image = _noisy()
    image[0, 0] = 1e4
    assert normalise(image).max() < 25


@pytest.mark.parametrize("shape", [(64, 64), (3, 3), (1, 9)])
def test_a_constant_image_becomes_zero(shape: tuple[int, int]) -> None:
    assert not normalise(np.full(shape, 7.0, dtype=np.float32)).any()


def test_the_result_is_float32_of_the_same_shape() -> None:
    values = normalise(_noisy())
    assert values.dtype == np.float32
    assert values.shape == (64, 96)
