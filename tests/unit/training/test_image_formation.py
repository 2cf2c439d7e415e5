"""Probe, scan and detector of the simulated microscope."""

import numpy as np
import pytest

from inference_service.training.exposure import Exposure, expose
from inference_service.training.probe import GRID_A, fwhm_A, random_probe
from inference_service.training.scan import random_scan
from inference_service.training.simulated_frame import native_frame, training_frame
from inference_service.training.specimen import FAMILIES


@pytest.mark.parametrize("seed", range(4))
def test_a_probe_keeps_the_intensity_and_sits_on_its_atom(seed: int) -> None:
    kernel = random_probe(np.random.default_rng(seed), 1.5).astype(np.float64)
    assert kernel.sum() == pytest.approx(1.0, abs=0.05)
    assert 0.7 <= fwhm_A(kernel.astype(np.float32)) <= 1.5
    core = np.maximum(kernel - 0.5 * kernel.max(), 0)
    axis = (np.arange(len(kernel)) - len(kernel) // 2) * GRID_A
    assert abs(core.sum(axis=0) @ axis) / core.sum() < 0.02
    assert abs(core.sum(axis=1) @ axis) / core.sum() < 0.02


@pytest.mark.parametrize("seed", range(5))
def test_image_positions_invert_the_smooth_part_of_the_scan(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scan = random_scan(rng, 300, 0.104)
    xy = rng.uniform(3, 28, (200, 2))
    place = scan.image_positions(xy)
    x, y = scan.smooth(place[:, 0], place[:, 1])
    off = np.hypot(x - xy[:, 0], y - xy[:, 1])
    clear = np.ones(len(xy), dtype=bool)
    for start, *_ in scan.slips:  # a jump has no inverse at its own line
        clear &= np.abs(place[:, 1] - start) > 8
    assert off[clear].max() < 0.01


def test_noise_falls_with_the_square_root_of_the_dose() -> None:
    flat = np.full((128, 128), 0.382, dtype=np.float32)
    flat[0, 0] = 0.0

    def relative(counts: float) -> float:
        frame = expose(flat, 0.1, Exposure(counts), np.random.default_rng(0))
        inner = frame[1:, 1:]
        return float(inner.std() / (inner.mean() - frame[0, 0]))

    assert relative(1600) / relative(25) == pytest.approx(1 / 8, rel=0.05)


def test_eight_bit_storage_holds_whole_numbers() -> None:
    flat = np.full((32, 32), 0.382, dtype=np.float32)
    frame = expose(flat, 0.1, Exposure(300.0, storage="uint8"), np.random.default_rng(1))
    assert np.array_equal(frame, np.round(frame))
    assert frame.max() <= 255


def test_atoms_are_bright_where_the_truth_says_they_are() -> None:
    frame = native_frame(np.random.default_rng(2), FAMILIES["pristine"], 256, 0.104, 20_000.0)
    inside = np.all((frame.xy_px > 4) & (frame.xy_px < 251), axis=1)
    column, row = np.round(frame.xy_px[inside]).astype(int).T
    on = np.median(frame.image[row, column])
    assert on > np.percentile(frame.image, 65)


def test_a_training_frame_has_the_side_it_was_asked_for() -> None:
    for seed in range(2):
        frame = training_frame(np.random.default_rng(seed), FAMILIES["holes"], 64)
        assert frame.image.shape == (64, 64)
        assert frame.cover.shape == frame.vacuum.shape == (32, 32)
        assert np.isfinite(frame.image).all()


def test_the_image_of_an_atom_is_centred_on_its_true_place() -> None:
    offsets = []
    for seed in range(3):
        rng = np.random.default_rng(40 + seed)
        frame = native_frame(rng, FAMILIES["pristine"], 200, 0.104, 1e7)
        for x, y in frame.xy_px[np.all((frame.xy_px > 9) & (frame.xy_px < 190), axis=1)]:
            r, c = round(y), round(x)
            spot = frame.image[r - 4 : r + 5, c - 4 : c + 5].astype(np.float64)
            weight = np.maximum(spot - 0.5 * (spot.max() + spot.min()), 0)
            axis = np.arange(-4, 5)
            offsets.append(
                [
                    c + weight.sum(axis=0) @ axis / weight.sum() - x,
                    r + weight.sum(axis=1) @ axis / weight.sum() - y,
                ]
            )
    assert np.all(np.abs(np.median(offsets, axis=0)) < 0.25)  # px, that is 2.6 pm
