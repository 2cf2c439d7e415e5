"""The rule for pixel types: lossless where it can be, stated rounding where it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from shared.errors import UnreadableFileError
from shared.files.pixels import grey_from_channels, plain_shape, to_pixels


@given(
    arrays.arrays(np.int8, (3, 4))
    | arrays.arrays(np.int16, (3, 4))
    | arrays.arrays(np.uint8, (3, 4))
    | arrays.arrays(np.uint16, (3, 4))
    | arrays.arrays(np.int64, (3, 4), elements=st.integers(-(2**24), 2**24))
    | arrays.arrays(np.uint32, (3, 4), elements=st.integers(0, 2**24))
)
def test_integers_up_to_24_bits_keep_every_value(image: np.ndarray) -> None:
    pixels = to_pixels(image, "a")
    assert pixels.dtype in (np.uint8, np.uint16, np.float32)
    assert (pixels.astype(np.int64) == image.astype(np.int64)).all()


@pytest.mark.parametrize(
    ("stored", "handed_on"),
    [
        (np.bool_, np.uint8),
        (np.uint8, np.uint8),
        (np.uint16, np.uint16),
        (np.int16, np.uint16),
        (np.int64, np.uint16),
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float32),
    ],
)
def test_each_type_becomes_the_one_the_rule_names(stored: type, handed_on: type) -> None:
    assert to_pixels(np.ones((2, 2), dtype=stored), "a").dtype == handed_on


@given(
    arrays.arrays(np.float64, (3, 3), elements=st.floats(1e-30, 1e30) | st.floats(-1e30, -1e-30))
)
def test_doubles_are_rounded_by_at_most_six_parts_in_a_hundred_million(image: np.ndarray) -> None:
    assert (np.abs(to_pixels(image, "a") - image) <= 6e-8 * np.abs(image)).all()


def test_the_caller_cannot_change_a_record_by_accident() -> None:
    pixels = to_pixels(np.zeros((2, 2)), "a")
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0] = 1


@pytest.mark.parametrize(
    ("stored", "plain"),
    [
        ((5, 6), (5, 6)),
        ((1, 5, 6, 1), (5, 6)),
        ((1, 1, 5, 6), (5, 6)),
        ((7, 5, 6), (7, 5, 6)),
        ((7, 5, 6, 1), (7, 5, 6)),
        ((5, 6, 3), (5, 6, 3)),
    ],
)
def test_axes_of_length_one_are_dropped(stored: tuple[int, ...], plain: tuple[int, ...]) -> None:
    assert plain_shape(stored, 1, "a") == plain


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_equal_channels_are_grey_and_opacity_is_dropped(channels: int) -> None:
    grey = np.arange(30).reshape(5, 6)
    image = np.repeat(grey[..., None], channels, axis=-1)
    if channels != 3:
        image[..., -1] = 255
    assert grey_from_channels(image, "a").tolist() == grey.tolist()
    image[2, 2, 0] += 1
    if channels != 2:
        with pytest.raises(UnreadableFileError, match="colour"):
            grey_from_channels(image, "a")
