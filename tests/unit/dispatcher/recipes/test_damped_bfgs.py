"""The damped update, where the plain one goes wrong."""

from __future__ import annotations

import ase
import numpy as np
import pytest

from sim_dispatcher.levels import Evaluation
from sim_dispatcher.levels.ase_bridge import PotentialCalculator
from sim_dispatcher.recipes.damped_bfgs import damped_bfgs
from sim_dispatcher.recipes.minimise import Descent, minimise

FREE = np.ones((1, 3), dtype=bool)


class TwoValleys:
    """(x^2 - 1)^2 + y^2 + z^2: a ridge at x = 0, curved downwards as far as 0.58."""

    def evaluate(self, positions_A: np.ndarray) -> Evaluation:
        x, y, z = positions_A[0]
        energy = (x**2 - 1) ** 2 + y**2 + z**2
        return Evaluation(float(energy), -np.array([[4 * x * (x**2 - 1), 2 * y, 2 * z]]))


@pytest.mark.parametrize("start", [0.05, -0.2, 0.5])
def test_the_hessian_stays_positive_while_a_ridge_is_left(start: float) -> None:
    atoms = ase.Atoms("H", positions=[[start, 0.3, -0.2]])
    atoms.calc = PotentialCalculator(TwoValleys(), FREE)
    optimiser = damped_bfgs(atoms, 0.2)
    for _ in range(12):
        optimiser.step()
        assert np.linalg.eigvalsh(optimiser.state.hessian).min() > 0


def test_a_walk_from_a_ridge_ends_in_the_valley_on_its_side() -> None:
    found = minimise(TwoValleys(), np.array([[-0.05, 0.4, 0.0]]), Descent(FREE, 1e-4))
    assert found.converged
    assert np.allclose(found.positions_A, [[-1, 0, 0]], atol=1e-3)
