"""The rotation of a bond: which one, what it makes, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest

from shared.errors import ConfigurationError, StructureError
from sim_dispatcher.levels import Evaluation, choose_level
from sim_dispatcher.recipes import Options, run_recipe
from sim_dispatcher.recipes.band import interpolated, relaxed_band
from sim_dispatcher.recipes.errors import ForcesNotFiniteError
from sim_dispatcher.recipes.rotation import choose_turn, turned
from sim_dispatcher.structure import Cluster
from sim_dispatcher.structure.census import ring_census

GFN1 = choose_level("gfn1")


class TwoWells:
    """One atom in E = (x² - 1)² + y²: minima at x = ±1, a saddle of 1 eV at the origin."""

    def evaluate(self, positions_A: np.ndarray) -> Evaluation:
        x, y, z = positions_A[0].tolist()
        slope = np.array([[4 * x * (x**2 - 1), 2 * y, 2 * z]])
        return Evaluation((x**2 - 1) ** 2 + y**2 + z**2, -slope)


class Nowhere:
    def evaluate(self, positions_A: np.ndarray) -> Evaluation:
        return Evaluation(float("nan"), positions_A * np.nan)


@pytest.fixture(scope="module")
def stone_wales(coronene: Cluster) -> Cluster:
    return coronene.moved(turned(coronene, choose_turn(coronene).pair))


def bow() -> np.ndarray:
    """A path from one well to the other that makes a detour."""
    x = np.linspace(-1, 1, 7)
    return np.stack([x, 0.5 * (1 - x**2), 0 * x], axis=1)[:, None]


def test_a_band_climbs_to_the_saddle() -> None:
    band = relaxed_band(bow(), tuple(TwoWells() for _ in range(7)), (0.01, 500), lambda _: None)
    assert band.converged
    assert band.energies_eV.max() == pytest.approx(1.0, abs=1e-3)
    assert np.allclose(band.images_A[3], 0, atol=0.02)
    assert np.array_equal(band.images_A[[0, -1]], bow()[[0, -1]])


def test_a_band_that_runs_out_of_steps_says_so() -> None:
    surfaces = tuple(TwoWells() for _ in range(7))
    band = relaxed_band(bow(), surfaces, (1e-9, 3), lambda _: None)
    assert (band.steps, band.converged) == (3, False)


def test_a_band_of_no_numbers_has_a_code() -> None:
    with pytest.raises(ForcesNotFiniteError):
        relaxed_band(bow(), tuple(Nowhere() for _ in range(7)), (0.1, 3), lambda _: None)


def test_turning_a_bond_makes_two_pentagons_and_two_heptagons(stone_wales: Cluster) -> None:
    assert ring_census(stone_wales.symbols, stone_wales.positions_A) == {"5": 2, "6": 3, "7": 2}


def test_the_bond_between_heptagons_is_the_one_that_heals(
    coronene: Cluster, stone_wales: Cluster
) -> None:
    made, healed = choose_turn(coronene), choose_turn(stone_wales)
    assert (made.heals, healed.heals) == (False, True)
    assert healed.pair == made.pair
    back = stone_wales.moved(turned(stone_wales, healed.pair))
    assert ring_census(back.symbols, back.positions_A) == {"6": 7}


def test_a_bond_keeps_its_length_and_its_middle(coronene: Cluster) -> None:
    pair = list(choose_turn(coronene).pair)
    before, after = coronene.positions_A, turned(coronene, choose_turn(coronene).pair)
    assert np.allclose(after[pair].mean(axis=0), before[pair].mean(axis=0))
    assert np.linalg.norm(np.diff(after[pair], axis=0)) == pytest.approx(
        np.linalg.norm(np.diff(before[pair], axis=0))
    )
    rest = np.setdiff1d(np.arange(len(coronene)), pair)
    assert np.array_equal(after[rest], before[rest])


def test_a_path_keeps_atoms_apart(coronene: Cluster, stone_wales: Cluster) -> None:
    path = interpolated(coronene.symbols, coronene.positions_A, stone_wales.positions_A, 5)
    pair = list(choose_turn(coronene).pair)
    lengths = np.linalg.norm(np.diff(path[:, pair], axis=1), axis=2)
    assert lengths.min() > 1.2  # straight lines would bring them to 1.0 Å


def test_a_molecule_without_an_inside_is_refused(benzene: Cluster) -> None:
    with pytest.raises(StructureError, match="No bond of the structure can be turned"):
        run_recipe(benzene, "neb", GFN1)


def test_a_level_with_fixed_bonds_is_refused(coronene: Cluster) -> None:
    with pytest.raises(StructureError, match="fixed bonds"):
        run_recipe(coronene, "neb", choose_level("gfnff"))


def test_a_band_too_short_for_a_direction_is_refused(coronene: Cluster) -> None:
    with pytest.raises(ConfigurationError, match="3 images is too short"):
        run_recipe(coronene, "neb", GFN1, Options(images=3))
