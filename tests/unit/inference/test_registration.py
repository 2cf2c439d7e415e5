"""Drift from atoms alone: creep, commanded moves, jumps, and honest doubt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from inference_service.registration import Drift, Registration
from shared.testing.structures import graphene, hole

FOV_A = 45.0
START_A = (40.0, 35.0)


class Sample:
    """A large sheet seen through a frame, imperfectly."""

    def __init__(self, silicon: int, seed: int = 0) -> None:
        sheet = graphene((140.0, 140.0))
        self._generator = np.random.default_rng(seed)
        self._positions = sheet.positions_A
        self._numbers = np.full(len(sheet.elements), 6, dtype=np.uint8)
        chosen = self._generator.choice(len(sheet.elements), silicon, replace=False)
        self._numbers[chosen] = 14

    def seen(
        self, origin: NDArray[np.float64], sigma_A: float = 0.1, missed: float = 0.03
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Return (x, y) and atomic numbers of a frame at an (x, y) origin, with false atoms."""
        positions = self._positions - origin
        positions = positions + self._generator.normal(0.0, sigma_A, positions.shape)
        kept = ((positions > 0) & (positions < FOV_A)).all(axis=1)
        kept &= self._generator.random(len(kept)) > missed
        false = self._generator.uniform(0.0, FOV_A, (int(0.02 * kept.sum()), 2))
        numbers = np.append(self._numbers[kept], np.full(len(false), 6, np.uint8))
        return np.vstack([positions[kept], false]), numbers


def _follow(
    sample: Sample, moves: Sequence[tuple[float, float]], *, commanded: bool = False
) -> tuple[list[float], list[Drift]]:
    """Return the errors in Å and the drifts of frames that move by (x, y) each."""
    registration, origin, centre = Registration(), np.array(START_A), np.zeros(2)
    errors, drifts = [], []
    for move in ((0.0, 0.0), *moves):
        origin = origin + move
        if commanded:
            centre = centre + 1.02 * np.array(move)
        drift = registration.update(*sample.seen(origin), (centre[1], centre[0]))
        row, column = drift.offset_A
        x, y = origin - START_A
        errors.append(float(np.hypot(column - x, row - y)))
        drifts.append(drift)
    return errors, drifts


def test_the_first_frame_is_the_sample_frame() -> None:
    (error,), (drift,) = _follow(Sample(0), ())
    assert error == 0.0
    assert drift.offset_A == (0.0, 0.0)
    assert drift.confidence == 1.0


def test_offsets_are_row_then_column() -> None:
    _, drifts = _follow(Sample(0), [(0.8, 0.0)])
    row, column = drifts[-1].offset_A
    assert column == pytest.approx(0.8, abs=0.05)
    assert row == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("silicon", [0, 60])
def test_creep_is_followed_without_adding_up_errors(silicon: int) -> None:
    errors, drifts = _follow(Sample(silicon), [(0.7, 0.4)] * 30)
    assert max(errors) < 0.06
    assert min(drift.confidence for drift in drifts) > 0.5


def test_the_stated_error_is_the_size_of_the_true_one() -> None:
    errors, drifts = _follow(Sample(0), [(0.3, -0.2)] * 15)
    stated = np.array([drift.sigma_A for drift in drifts[1:]])
    rms = float(np.sqrt(np.mean(np.square(errors[1:])) / 2))
    assert 0.3 < rms / np.sqrt(np.mean(stated**2)) < 3.0


@pytest.mark.parametrize("silicon", [0, 60])
def test_a_commanded_move_to_forty_percent_overlap_is_followed(silicon: int) -> None:
    moves = [(0.6 * FOV_A, 0.0), (0.0, 0.6 * FOV_A), (-0.6 * FOV_A, 0.0)]
    errors, drifts = _follow(Sample(silicon), moves, commanded=True)
    assert max(errors) < 0.1
    assert drifts[1].overlap == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_foreign_atoms_tell_a_jump_that_nobody_commanded(seed: int) -> None:
    moves = [(9.0, 5.0), (-20.0, 8.0), (0.5, 0.5), (0.0, -0.5 * FOV_A)]
    errors, drifts = _follow(Sample(160, seed), moves)
    assert max(errors) < 0.1
    assert all(drift.landmarks >= 1 for drift in drifts[1:])


def test_one_lattice_vector_of_drift_is_recognised_by_foreign_atoms_only() -> None:
    vector = 2.46 * np.array([np.cos(np.radians(37.0)), np.sin(np.radians(37.0))])
    errors, _ = _follow(Sample(160, 4), [tuple(vector.tolist())])
    assert errors[-1] < 0.1
    _, (_, doubtful) = _follow(Sample(0), [tuple((0.5 * vector).tolist())])
    assert doubtful.confidence < 0.7


def test_a_hole_tells_lattice_vectors_apart() -> None:
    sheet = hole(radius_A=7.0)
    numbers = np.full(len(sheet.elements), 6, dtype=np.uint8)
    registration = Registration()
    registration.update(sheet.positions_A, numbers, (0.0, 0.0))
    shift = np.array([1.6, -1.2])
    kept = ((sheet.positions_A - shift > 0) & (sheet.positions_A - shift < 30.0)).all(axis=1)
    drift = registration.update(sheet.positions_A[kept] - shift, numbers[kept], (0.0, 0.0))
    assert drift.offset_A == pytest.approx((-1.2, 1.6), abs=0.02)
    assert drift.confidence > 0.9


def test_a_frame_without_atoms_keeps_the_expected_place_and_says_so() -> None:
    sample, registration = Sample(60), Registration()
    registration.update(*sample.seen(np.array(START_A)), (0.0, 0.0))
    nothing = registration.update(np.empty((0, 2)), np.empty(0, np.uint8), (3.0, 4.0))
    assert nothing.offset_A == (3.0, 4.0)
    assert nothing.confidence == 0.0
    moved = np.array(START_A) + np.array([4.0, 3.0])
    again = registration.update(*sample.seen(moved), (3.0, 4.0))
    assert again.offset_A == pytest.approx((3.0, 4.0), abs=0.05)


def test_atoms_without_order_are_not_registered() -> None:
    generator, registration = np.random.default_rng(7), Registration()
    confidences = []
    for _ in range(6):
        positions = generator.uniform(0.0, FOV_A, (700, 2))
        drift = registration.update(positions, np.full(700, 6, np.uint8), (0.0, 0.0))
        confidences.append(drift.confidence)
    assert max(confidences[1:]) < 0.5


def test_registration_is_deterministic() -> None:
    first, second = (_follow(Sample(60, 5), [(0.4, 0.9)] * 4) for _ in range(2))
    assert first == second
