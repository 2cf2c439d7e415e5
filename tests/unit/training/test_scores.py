"""Scores of found atoms against a known truth."""

import numpy as np
import pytest

from inference_service.training.scores import Found, score_frame, summarise
from inference_service.training.simulated_frame import NativeFrame

PIXEL_A = 0.1


def _truth(hidden: int = 0) -> NativeFrame:
    grid = np.stack(np.meshgrid(np.arange(20.0, 181, 20), np.arange(20.0, 181, 20)), -1)
    xy = grid.reshape(-1, 2)
    number = np.full(len(xy), 6)
    number[:10] = 14
    labelled = np.ones(len(xy), dtype=bool)
    labelled[len(xy) - hidden :] = False
    empty = np.zeros((50, 50), dtype=bool)
    image = np.zeros((200, 200), dtype=np.float32)
    return NativeFrame(image, PIXEL_A, xy, number, labelled, empty, empty, 100.0)


def _found(xy: np.ndarray, species: np.ndarray, p: float = 0.99) -> Found:
    sigma = np.full(len(xy), 0.5)
    return Found(xy, xy, sigma, sigma, species, np.full(len(xy), p))


def _perfect(truth: NativeFrame) -> Found:
    return _found(truth.xy_px, np.where(truth.number == 14, 2, 1))


def test_the_truth_itself_scores_one() -> None:
    truth = _truth()
    row = summarise([score_frame(truth, _perfect(truth))])
    assert (row.f1, row.f1_strict, row.silicon_precision, row.silicon_recall) == (1, 1, 1, 1)
    assert row.rms_pm == 0
    assert row.ece == pytest.approx(0.01)


def test_a_shift_of_four_tenths_of_an_angstrom_passes_one_radius_only() -> None:
    truth = _truth()
    shifted = _found(truth.xy_px + np.array([4.0, 0.0]), np.ones(len(truth.xy_px), dtype=int))
    row = summarise([score_frame(truth, shifted)])
    assert row.f1 == 1
    assert row.f1_strict == 0
    assert row.rms_pm == pytest.approx(40)
    assert row.silicon_recall == 0


def test_an_invented_atom_costs_precision_unless_it_is_under_cover() -> None:
    truth = _truth()
    more = np.vstack([truth.xy_px, [[50.0, 50.0]]])
    species = np.append(np.where(truth.number == 14, 2, 1), 1)
    open_score = score_frame(truth, _found(more, species))
    assert open_score.counts.tolist() == [81, 1, 0]
    truth.cover[12, 12] = True
    assert score_frame(truth, _found(more, species)).counts.tolist() == [81, 0, 0]


def test_an_atom_beside_a_hidden_one_is_not_held_against_the_detector() -> None:
    truth = _truth(hidden=3)
    assert score_frame(truth, _perfect(truth)).counts.tolist() == [78, 0, 0]


def test_each_true_atom_is_matched_once() -> None:
    truth = _truth()
    twice = _found(
        np.vstack([truth.xy_px, truth.xy_px + np.array([1.0, 0.0])]), np.ones(2 * 81, dtype=int)
    )
    assert score_frame(truth, twice).counts.tolist() == [81, 81, 0]


def test_atoms_below_one_half_do_not_count_as_found() -> None:
    truth = _truth()
    faint = _found(truth.xy_px, np.ones(81, dtype=int), p=0.4)
    assert score_frame(truth, faint).counts.tolist() == [0, 0, 81]
