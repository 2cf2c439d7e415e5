from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge_agent.preprocess import narrow, prepare
from edge_agent.sources.base import RawFrame
from shared.codec.frames import decode_frame
from shared.errors import InputError
from shared.messages import Acquisition, Calibration, Frame

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
WHOLE = st.one_of(hnp.unsigned_integer_dtypes(), hnp.integer_dtypes())
ACQUISITION = Acquisition(instrument="test", started_at_ns=1, ended_at_ns=2, origin="here")


def raw(pixels: np.ndarray) -> RawFrame:
    return RawFrame(pixels, Calibration(pixel_size_A=0.1, source="flag"), ACQUISITION)


@settings(max_examples=40)
@given(hnp.arrays(WHOLE, SHAPES, elements=st.integers(0, 127)))
def test_whole_numbers_keep_their_values_in_a_travelling_type(pixels: np.ndarray) -> None:
    narrowed = narrow(pixels)
    assert narrowed.dtype == (np.uint8 if pixels.dtype == np.uint8 else np.dtype("<u2"))
    assert np.array_equal(narrowed, pixels)


@settings(max_examples=40)
@given(
    hnp.arrays(
        st.sampled_from(["<f4", ">f4", "<f8", ">f8"]), SHAPES, elements=st.integers(0, 65535)
    )
)
def test_floats_that_hold_counts_become_uint16_without_loss(pixels: np.ndarray) -> None:
    narrowed = narrow(pixels)
    assert narrowed.dtype == np.dtype("<u2")
    assert np.array_equal(narrowed, pixels)


@settings(max_examples=40)
@given(
    hnp.arrays(
        st.sampled_from(["<f4", ">f4", "<f2"]),
        SHAPES,
        elements=st.floats(-100, 100, width=16),
    )
)
def test_other_floats_keep_their_values(pixels: np.ndarray) -> None:
    narrowed = narrow(pixels)
    assert narrowed.dtype in (np.dtype("<f4"), np.dtype("<u2"))
    assert np.array_equal(narrowed, pixels)


@settings(max_examples=40)
@given(hnp.arrays(np.int32, SHAPES, elements=st.integers(-(2**24), 2**24)))
def test_whole_numbers_outside_16_bits_travel_exactly_as_float32(pixels: np.ndarray) -> None:
    assert np.array_equal(narrow(pixels), pixels)


def test_memory_layout_does_not_matter() -> None:
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    names = {
        prepare(raw(layout)).name
        for layout in (
            pixels,
            np.asfortranarray(pixels),
            pixels.astype(">u2"),
            pixels.astype(np.float32),
        )
    }
    assert len(names) == 1
    assert narrow(np.asfortranarray(pixels)).flags.c_contiguous


def test_values_and_shape_make_the_name() -> None:
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    assert prepare(raw(pixels)).name != prepare(raw(pixels + 1)).name
    assert prepare(raw(pixels)).name != prepare(raw(pixels.reshape(4, 3))).name


@settings(max_examples=40)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16, np.float32]), SHAPES, elements=st.integers(0, 200)
    )
)
def test_a_prepared_frame_decodes_to_the_same_pixels(pixels: np.ndarray) -> None:
    prepared = prepare(raw(pixels))
    header = Frame(
        session="s",
        index=0,
        previous=None,
        name=prepared.name,
        shape=prepared.shape,
        pixel_type=prepared.pixel_type,
        codec=prepared.codec,
        calibration=prepared.calibration,
        acquisition=prepared.acquisition,
    )
    assert np.array_equal(decode_frame(header, prepared.payload), pixels)


@pytest.mark.parametrize(
    ("pixels", "word"),
    [
        (np.zeros((2, 2, 3)), "dimensions"),
        (np.zeros((0, 4)), "0 x 4"),
        (np.zeros((1, 16385), dtype=np.uint8), "16385"),
        (np.full((2, 2), np.nan), "not numbers"),
        (np.full((2, 2), np.inf, dtype=np.float32), "not numbers"),
        (np.zeros((2, 2), dtype=complex), "complex"),
        (np.full((2, 2), 2**40), "whole numbers"),
        (np.full((2, 2), 1e300), "1e\\+300"),
        (np.array([["a"]]), "type"),
    ],
)
def test_what_is_no_image_is_refused_with_a_remedy(pixels: np.ndarray, word: str) -> None:
    with pytest.raises(InputError, match=word) as caught:
        narrow(pixels)
    assert caught.value.remedy
