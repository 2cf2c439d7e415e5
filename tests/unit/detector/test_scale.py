"""Which word on the pixel size is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_service.detector.lattice_scale import LatticeScale
from inference_service.detector.scale import decide_scale
from shared.errors import UncalibratedError
from shared.messages import Calibration


def header(size):
    return Calibration(pixel_size_A=size, source="header")


def flag(size):
    return Calibration(pixel_size_A=size, source="flag")


NOTHING = Calibration(pixel_size_A=None, source="none")


def lattice(size=0.1, sigma=0.0005, orders=2, distortion=0.0):
    return LatticeScale(size, sigma, distortion, 40.0, orders)


@given(st.floats(-0.029, 0.029))
def test_a_header_within_three_percent_is_believed(difference):
    verdict = decide_scale(lattice(), header(0.1 * (1 + difference)))
    assert verdict.source == "header"
    assert verdict.warnings == ()


@given(st.one_of(st.floats(-0.6, -0.031), st.floats(0.031, 1.0)))
def test_a_header_further_off_is_overruled_and_named(difference):
    verdict = decide_scale(lattice(), header(0.1 * (1 + difference)))
    assert (verdict.source, verdict.pixel_size_A) == ("fft", 0.1)
    assert "overruled" in verdict.warnings[0]
    assert verdict.mismatch == pytest.approx(difference)


def test_an_uncertain_lattice_must_differ_by_three_sigma():
    assert decide_scale(lattice(sigma=0.002), header(0.105)).source == "header"


def test_a_flag_is_contradicted_but_obeyed():
    verdict = decide_scale(lattice(), flag(0.14))
    assert (verdict.source, verdict.pixel_size_A) == ("flag", 0.14)
    assert "contradicts" in verdict.warnings[0]


def test_without_a_header_the_lattice_speaks():
    verdict = decide_scale(lattice(), NOTHING)
    assert (verdict.source, verdict.pixel_size_A) == ("fft", 0.1)


def test_without_a_lattice_the_header_is_kept():
    assert decide_scale(None, header(0.2)).pixel_size_A == 0.2


def test_with_neither_the_frame_is_refused_with_a_remedy():
    with pytest.raises(UncalibratedError, match="--pixel-size"):
        decide_scale(None, NOTHING)


def test_one_order_alone_never_overrules_a_header():
    verdict = decide_scale(lattice(orders=1), header(0.14))
    assert (verdict.source, verdict.pixel_size_A) == ("header", 0.14)


def test_one_order_alone_serves_where_nobody_states_a_size_and_says_so():
    verdict = decide_scale(lattice(orders=1), NOTHING)
    assert (verdict.source, verdict.pixel_size_A) == ("fft", 0.1)
    assert "first order" in verdict.warnings[0]


@pytest.mark.parametrize("calibration", [header(0.1), header(0.14), flag(0.1), flag(0.14), NOTHING])
def test_what_is_anisotropic_is_told_whoever_is_believed(calibration):
    verdict = decide_scale(lattice(distortion=0.024), calibration)
    assert "2.4 %" in verdict.warnings[-1]
    assert "distortion or strain" in verdict.warnings[-1]
