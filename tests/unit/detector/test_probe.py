"""The probe's stamps, its modes, and how they are found in a frame."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from inference_service.detector.atom_kernels import PHASES
from inference_service.detector.joint_fit import Threads
from inference_service.detector.probe import Shape, round_probe
from inference_service.detector.probe_modes import probe_modes
from inference_service.detector.refine import refine


def comatic():
    core = np.zeros((4, 4))
    core[0, 0], core[3, 0], core[1, 2], core[0, 2] = 1.8, 0.08, 0.05, 0.1
    return Shape(core, np.array([0.02, 0.0])).normalised()[0]


def test_a_normalised_shape_is_one_in_the_middle_of_its_core():
    shape = comatic()
    assert shape.values(np.zeros(1), np.zeros(1))[0, 0] == pytest.approx(1.0)
    assert shape.normalised()[0].centre == pytest.approx(shape.centre, abs=1e-6)
    assert shape.normalised()[1] == pytest.approx(1.0, abs=1e-6)


def test_a_round_probe_has_the_width_and_volume_of_its_gaussian():
    probe = round_probe(2.2)
    assert probe.s == pytest.approx(2.2, rel=0.01)
    assert probe.volume() == pytest.approx(2 * np.pi * 2.2**2, rel=1e-6)


def test_a_stamps_slope_is_the_difference_of_its_neighbours_in_place():
    stamps = round_probe(1.8)
    stamps = stamps.stamps(7, heavy=False).reshape(PHASES, PHASES, 6, 15, 15)
    rise = (stamps[1, 2, 0] - stamps[1, 1, 0]) * PHASES
    slope = 0.5 * (stamps[1, 2, 1] + stamps[1, 1, 1])
    assert np.abs(rise - slope).max() < 2e-3


def test_modes_are_always_the_same_and_their_mean_is_a_unit_probe():
    modes = probe_modes()
    again = probe_modes.__wrapped__()
    assert np.array_equal(modes.directions, again.directions)
    mean = modes.shape(np.zeros(len(modes.directions)))
    assert mean.width == pytest.approx(1.0, abs=0.03)
    assert mean.values(np.zeros(1), np.zeros(1))[0, 0] == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("fwhm_A", [0.8, 1.0, 1.15])
def test_the_probes_width_is_found(render, fwhm_A):
    frame = render(shape=(360, 360), counts=800.0, fwhm_A=fwhm_A, tail=0.0, seed=12)
    with ThreadPoolExecutor(2) as executor:
        result = refine(frame.image, frame.xy_px, 0.104, Threads(executor, 2))
    assert result.probe.s * 0.104 * 2.3548 == pytest.approx(fwhm_A, rel=0.08)
