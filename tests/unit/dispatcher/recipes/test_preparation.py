"""Where a dear relaxation starts: unstrained, with a curvature that cost little."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from sim_dispatcher.levels import Evaluation, System, choose_level
from sim_dispatcher.recipes import run_recipe
from sim_dispatcher.recipes.hessian import REACH_A, STEP_A, FLOOR_eV_A2, model_hessian
from sim_dispatcher.recipes.minimise import Progress
from sim_dispatcher.recipes.preparation import curvature_at, prepared, same_bonds
from sim_dispatcher.recipes.selective import all_free, only_z_free
from sim_dispatcher.recipes.springs import unstrained
from sim_dispatcher.structure import Cluster
from sim_dispatcher.structure.bonds import bonded_pairs

FORCE_FIELD = choose_level("gfnff")


class Chain:
    """Atoms along a line, each on a spring to its own place and to the next atom."""

    def __init__(self, home_A: np.ndarray) -> None:
        self.home_A, self.calls = home_A, 0

    def evaluate(self, positions_A: np.ndarray) -> Evaluation:
        self.calls += 1
        away = positions_A - self.home_A
        between = np.diff(away, axis=0)
        slope = 3.0 * away
        slope[:-1] -= 5.0 * between
        slope[1:] += 5.0 * between
        return Evaluation(0.0, -slope)


def test_atoms_far_apart_share_a_force_call_and_the_curvature_is_the_same() -> None:
    home = np.stack([np.arange(40.0) * 1.5, np.zeros(40), np.zeros(40)], axis=1)
    chain, free = Chain(home), np.ones((40, 3), dtype=bool)
    hessian = model_hessian(chain, home, free)
    exact = np.kron(
        np.diag([8.0] + [13.0] * 38 + [8.0]) - 5.0 * (np.eye(40, k=1) + np.eye(40, k=-1)),
        np.eye(3),
    )
    assert np.allclose(hessian, exact, atol=1e-6)
    assert chain.calls < 1 + 3 * (2 * 2 * REACH_A / 1.5)
    assert chain.calls < 40


def test_the_force_field_s_short_curvature_is_that_of_single_displacements(
    coronene: Cluster,
) -> None:
    surface = FORCE_FIELD.potential(System(coronene.numbers))
    start, hessian = prepared(coronene, all_free(coronene), "gfn1")
    assert hessian is not None
    steps = np.eye(3 * len(coronene))[[0, 1, 40]] * STEP_A
    gradient = -surface.evaluate(start).forces_eV_A.ravel()
    for k, step in zip((0, 1, 40), steps, strict=True):
        moved = -surface.evaluate(start + step.reshape(-1, 3)).forces_eV_A.ravel()
        assert hessian[k, k] == pytest.approx((moved - gradient)[k] / STEP_A, rel=0.05)
    assert np.linalg.eigvalsh(hessian).min() > 0.9 * FLOOR_eV_A2


def test_held_coordinates_stay_in_preparation(silicon_in_coronene: Cluster) -> None:
    start, _ = prepared(silicon_in_coronene, only_z_free(silicon_in_coronene), "gfn1")
    assert np.allclose(start[:, :2], silicon_in_coronene.positions_A[:, :2])


def test_springs_give_silicon_room_and_keep_its_bonds(silicon_in_coronene: Cluster) -> None:
    symbols, before = silicon_in_coronene.symbols, silicon_in_coronene.positions_A
    after = unstrained(symbols, before)
    silicon = symbols.index("Si")
    bonded = [pair for pair in bonded_pairs(symbols, before) if silicon in pair]
    lengths = [np.linalg.norm(after[i] - after[j]) for i, j in bonded]
    assert np.allclose(lengths, 1.77, atol=0.08)
    assert np.array_equal(bonded_pairs(symbols, after), bonded_pairs(symbols, before))


def test_springs_hold_what_is_held(silicon_in_coronene: Cluster) -> None:
    free = only_z_free(silicon_in_coronene)
    after = unstrained(silicon_in_coronene.symbols, silicon_in_coronene.positions_A, free)
    assert np.allclose(after[~free], silicon_in_coronene.positions_A[~free])


@pytest.fixture
def crowded(silicon_in_coronene: Cluster) -> Cluster:
    """A second neighbour 2.28 Å from the silicon, which counts as bonded to GFN-FF."""
    positions = silicon_in_coronene.positions_A.copy()
    silicon = silicon_in_coronene.symbols.index("Si")
    away = np.linalg.norm(positions - positions[silicon], axis=1)
    second = int(np.argsort(away)[4])
    positions[second] += (positions[silicon] - positions[second]) * (1 - 2.28 / away[second])
    return dataclasses.replace(silicon_in_coronene, positions_A=positions)


def coordination(cluster: Cluster, positions_A: np.ndarray) -> int:
    """Return how many bonds the silicon has."""
    silicon = cluster.symbols.index("Si")
    return sum(silicon in pair for pair in bonded_pairs(cluster.symbols, positions_A))


def test_a_force_field_that_makes_bonds_is_asked_again_from_an_unstrained_start(
    crowded: Cluster,
) -> None:
    stages: list[Progress] = []
    start, hessian = prepared(crowded, all_free(crowded), "gfn1", stages.append)
    assert [progress.step for progress in stages].count(0) == 2
    assert hessian is not None
    assert same_bonds(crowded, start)
    assert coordination(crowded, start) == 3


def test_an_answer_of_the_force_field_has_the_bonds_that_were_seen(crowded: Cluster) -> None:
    computed = run_recipe(crowded, "relax", FORCE_FIELD)
    assert computed.result.converged
    assert coordination(crowded, computed.cluster.positions_A) == 3


def test_density_functional_theory_starts_from_tight_binding(benzene: Cluster) -> None:
    stages: list[Progress] = []
    start, hessian = prepared(benzene, all_free(benzene), "pyscf", stages.append)
    assert {progress.stage for progress in stages} == {"force field", "tight binding"}
    gfn1 = choose_level("gfn1").potential(System(benzene.numbers))
    assert np.linalg.norm(gfn1.evaluate(start).forces_eV_A, axis=1).max() < 0.05
    assert hessian is not None
    anew = curvature_at(benzene.moved(start), all_free(benzene), "pyscf")
    assert anew is not None
    assert np.allclose(hessian, anew, atol=0.5)


def test_a_cell_has_no_force_field_and_starts_where_it_is(coronene: Cluster) -> None:
    cell = dataclasses.replace(coronene, lattice_A=np.eye(3) * 20.0)
    start, hessian = prepared(cell, all_free(cell), "gfn1")
    assert np.array_equal(start, cell.positions_A)
    assert hessian is None
    assert curvature_at(cell, all_free(cell), "gfn1") is None
