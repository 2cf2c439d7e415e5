"""Gain and offset come out of noise against mean."""

import numpy as np
import pytest
from scipy.signal import lfilter

from inference_service.detector.noise import flat_noise, measure_noise


def ramp(side=300, low=0.5, high=8.0):
    return np.tile(np.linspace(low, high, side), (side, 1)).astype(np.float32)


@pytest.mark.parametrize("gain", [0.02, 1.0, 37.0])
def test_gain_and_offset_are_recovered_in_any_unit(gain):
    rng = np.random.default_rng(4)
    expected = ramp() * gain + 5 * gain
    measured = (rng.poisson(ramp()) * gain + 5 * gain).astype(np.float32)
    noise = measure_noise(measured, expected)
    assert noise.known
    assert noise.gain == pytest.approx(gain, rel=0.04)
    assert noise.offset == pytest.approx(5 * gain, rel=0.08)


def test_read_noise_shifts_the_floor_but_not_the_gain():
    rng = np.random.default_rng(5)
    measured = rng.poisson(ramp()) + rng.normal(0, 1.5, (300, 300))
    noise = measure_noise(measured.astype(np.float32), ramp())
    assert noise.gain == pytest.approx(1.0, rel=0.08)
    assert noise.floor == pytest.approx(1.5**2, rel=0.15)


def test_noise_that_does_not_grow_with_the_signal_has_no_gain():
    rng = np.random.default_rng(6)
    measured = ramp() + rng.normal(0, 2.0, (300, 300))
    noise = measure_noise(measured.astype(np.float32), ramp())
    assert not noise.known
    assert noise.variance(ramp()).mean() == pytest.approx(4.0, rel=0.05)


def test_before_anything_is_known_the_noise_is_told_from_smooth_structure():
    rng = np.random.default_rng(7)
    smooth = 100 * np.sin(np.arange(300) / 30)[:, None] * np.ones(300)
    noise = flat_noise((smooth + rng.normal(0, 3.0, (300, 300))).astype(np.float32))
    assert noise.floor == pytest.approx(9.0, rel=0.05)


@pytest.mark.parametrize("afterglow", [0.1, 0.25, 0.5])
def test_afterglow_quietens_pixels_but_not_the_gain(afterglow):
    rng = np.random.default_rng(8)
    kept = 1.0 - afterglow
    measured = lfilter([kept], [1.0, -afterglow], rng.poisson(ramp()), axis=1)
    expected = lfilter([kept], [1.0, -afterglow], ramp(), axis=1)
    noise = measure_noise(measured.astype(np.float32), expected.astype(np.float32))
    assert noise.correlation == pytest.approx((1 + afterglow) / kept, rel=0.12)
    assert noise.gain == pytest.approx(1.0, rel=0.12)


def test_offset_of_whole_lines_is_no_afterglow():
    rng = np.random.default_rng(9)
    measured = rng.poisson(ramp()) + rng.normal(0, 1.0, (300, 1))
    noise = measure_noise(measured.astype(np.float32), ramp())
    assert noise.correlation == pytest.approx(1.0, abs=0.05)


def test_one_struck_pixel_does_not_rule_the_gain():
    rng = np.random.default_rng(10)
    measured = rng.poisson(ramp()).astype(np.float32)
    measured[100, 40] = 4000.0
    assert measure_noise(measured, ramp()).gain == pytest.approx(1.0, rel=0.08)


def test_offset_and_read_noise_share_the_floor_and_are_bounded():
    rng = np.random.default_rng(11)
    measured = 20 + rng.poisson(ramp()) + rng.normal(0, 0.8, (300, 300))
    noise = measure_noise(measured.astype(np.float32), ramp() + 20)
    low, high = noise.offset_limits
    assert low < 20.1 < high + 0.2
    assert 0.7 < noise.read_noise_limit < 2.0
    assert 0 < noise.gain_error < 0.1


def test_a_model_that_went_astray_somewhere_does_not_rule_the_gain():
    rng = np.random.default_rng(12)
    measured = rng.poisson(ramp()).astype(np.float32)
    expected = ramp()
    expected[40:60, 100:130] = 9000.0
    expected[90:100, 20:60] = -7000.0
    assert measure_noise(measured, expected).gain == pytest.approx(1.0, rel=0.25)
