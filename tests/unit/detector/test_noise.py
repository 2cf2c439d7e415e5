"""Gain and offset come out of noise against mean."""

import numpy as np
import pytest

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
