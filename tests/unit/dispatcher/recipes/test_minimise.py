"""The walk downhill, on surfaces whose answer is known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from shared.errors import SimulationError
from sim_dispatcher.levels import Evaluation
from sim_dispatcher.recipes.hessian import FIXED_eV_A2, FLOOR_eV_A2, model_hessian
from sim_dispatcher.recipes.minimise import Descent, Progress, minimise


@dataclass
class Springs:
    """Every coordinate on a spring of its own, about zero."""

    stiffness: np.ndarray
    calls: list[np.ndarray] = field(default_factory=list)

    def evaluate(self, positions_A: np.ndarray) -> Evaluation:
        self.calls.append(positions_A.copy())
        pull = self.stiffness * positions_A
        return Evaluation(float((pull * positions_A).sum() / 2), -pull)


STIFF = np.array([[50.0, 40.0, 1.0], [60.0, 45.0, 2.0]])
START = np.array([[0.1, -0.1, 0.2], [-0.05, 0.1, -0.3]])
FREE = np.ones((2, 3), dtype=bool)


def test_springs_end_at_rest() -> None:
    found = minimise(Springs(STIFF), START, Descent(FREE, fmax_eV_A=1e-3))
    assert found.converged
    assert found.fmax_eV_A < 1e-3
    assert np.allclose(found.positions_A, 0, atol=2e-3)


def test_the_right_hessian_ends_it_in_two_steps() -> None:
    hessian = np.diag(STIFF.ravel())
    plain = minimise(Springs(STIFF), START, Descent(FREE, 1e-3))
    informed = minimise(Springs(STIFF), START, Descent(FREE, 1e-3, hessian_eV_A2=hessian))
    assert informed.steps <= 2 < plain.steps


def test_fixed_coordinates_stay_where_they_are() -> None:
    free = np.array([[True, True, False], [False, True, True]])
    found = minimise(Springs(STIFF), START, Descent(free, 1e-3))
    assert np.allclose(found.positions_A[~free], START[~free], atol=1e-12)
    assert np.allclose(found.positions_A[free], 0, atol=2e-3)


def test_fixed_coordinates_stay_with_a_hessian_too() -> None:
    free = np.array([[True, True, False], [False, True, True]])
    hessian = model_hessian(Springs(STIFF), START, free)
    found = minimise(Springs(STIFF), START, Descent(free, 1e-3, hessian_eV_A2=hessian))
    assert np.allclose(found.positions_A[~free], START[~free], atol=1e-12)
    assert found.converged


def test_giving_up_is_an_answer_that_says_so() -> None:
    found = minimise(Springs(STIFF), START, Descent(FREE, 1e-9, max_steps=2))
    assert (found.steps, found.converged) == (2, False)


def test_the_watcher_sees_every_step_from_zero() -> None:
    seen: list[Progress] = []
    found = minimise(Springs(STIFF), START, Descent(FREE, 1e-3, stage="test"), seen.append)
    assert [progress.step for progress in seen] == list(range(found.steps + 1))
    assert {progress.stage for progress in seen} == {"test"}
    assert seen[-1].energy_eV == found.energy_eV <= seen[0].energy_eV


def test_what_the_watcher_raises_ends_the_walk() -> None:
    def stop(progress: Progress) -> None:
        if progress.step == 1:
            raise KeyboardInterrupt

    springs = Springs(STIFF)
    with pytest.raises(KeyboardInterrupt):
        minimise(springs, START, Descent(FREE, 1e-9), stop)
    assert len(springs.calls) == 2


def test_no_point_is_computed_twice_in_a_row() -> None:
    springs = Springs(STIFF)
    found = minimise(springs, START, Descent(FREE, 1e-3))
    assert len(springs.calls) == found.steps + 1


def test_forces_that_are_not_numbers_are_a_simulation_error() -> None:
    with pytest.raises(SimulationError, match="not numbers at step 0"):
        minimise(Springs(STIFF * np.nan), START, Descent(FREE))


def test_an_exploding_geometry_is_a_simulation_error() -> None:
    with pytest.raises(SimulationError, match="exploded"):
        minimise(Springs(-STIFF), START, Descent(FREE, max_steps=2000))


def test_the_model_hessian_is_the_springs_own_with_soft_modes_stiffened() -> None:
    stiffness = np.where(STIFF < 1.5, 0.01, STIFF)
    hessian = model_hessian(Springs(stiffness), START, FREE)
    expected = np.diag(np.maximum(stiffness, FLOOR_eV_A2).ravel())
    assert np.allclose(hessian, expected, atol=1e-6)


def test_the_model_hessian_turns_negative_curvature_over() -> None:
    hessian = model_hessian(Springs(-STIFF), START, FREE)
    assert np.allclose(hessian, np.diag(STIFF.ravel()), atol=1e-6)


def test_the_model_hessian_knows_nothing_of_fixed_coordinates() -> None:
    free = np.array([[True, False, True], [True, True, False]])
    springs = Springs(STIFF)
    hessian = model_hessian(springs, START, free)
    fixed = np.flatnonzero(~free.ravel())
    assert np.array_equal(hessian[fixed][:, fixed], FIXED_eV_A2 * np.eye(2))
    assert len(springs.calls) == 1 + free.sum()
