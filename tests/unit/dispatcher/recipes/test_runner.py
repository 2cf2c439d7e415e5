"""Recipes on small clusters, with real engines."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from shared.clock import Clock
from shared.errors import ConfigurationError, SimulationError, StructureError
from shared.messages.simulation import RecipeOptions
from sim_dispatcher.levels import Evaluation, Numerics, System, choose_level
from sim_dispatcher.levels.libtblite import TbliteLevel
from sim_dispatcher.recipes import RECIPES, Options, Progress, TwinEnergies, run_recipe
from sim_dispatcher.recipes.displacement import displacement
from sim_dispatcher.recipes.formation import chemical_potentials
from sim_dispatcher.recipes.reservoirs import LEVELS, RESERVOIRS, Bench
from sim_dispatcher.structure import Cluster
from sim_dispatcher.structure.reading import cluster_from_ase

GFN1 = choose_level("gfn1")
FORCE_FIELD = choose_level("gfnff")


class Ticking:
    """A clock that advances ten seconds whenever it is looked at."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic_s(self) -> float:
        self._now += 10.0
        return self._now

    def wall_ns(self) -> int:
        return 0


@dataclasses.dataclass(frozen=True)
class Torn:
    """A level that pulls the last atom off whatever it is given."""

    name: str = "gfnff"
    implementation: str = "torn 1"
    max_atoms: int = 100
    can_react: bool = False
    settings: str = "torn"

    def unavailable(self) -> None:
        return None

    def potential(self, system: System, numerics: Numerics) -> Torn:
        del system, numerics
        return self

    def evaluate(self, positions_A: np.ndarray) -> Evaluation:
        target = np.linalg.norm(positions_A[-1] - positions_A[:-1].mean(0)) - 6.0
        ray = positions_A[-1] - positions_A[:-1].mean(0)
        forces = np.zeros_like(positions_A)
        forces[-1] = -target * ray / np.linalg.norm(ray)
        return Evaluation(float(0.5 * target**2), forces)


def test_benzene_relaxes_to_its_measured_bond_lengths(benzene: Cluster) -> None:
    computed = run_recipe(benzene, "relax", GFN1)
    bonds = computed.result.bonds_A
    assert computed.result.converged
    assert bonds["C-C"].mean == pytest.approx(1.397, abs=0.015)  # electron diffraction
    assert bonds["C-H"].mean == pytest.approx(1.084, abs=0.015)
    assert computed.result.rings == {"before": {"6": 1}, "after": {"6": 1}}


def test_a_single_point_moves_nothing(benzene: Cluster) -> None:
    computed = run_recipe(benzene, "single_point", GFN1)
    assert computed.cluster.digest == benzene.digest
    assert computed.result.steps == 0
    assert computed.result.converged
    assert computed.result.fmax_eV_A > 0.5
    assert computed.result.formation_eV is None


@pytest.mark.parametrize("level", ["gfnff", "gfn1"])
def test_relaxing_the_height_leaves_x_and_y(silicon_in_coronene: Cluster, level: str) -> None:
    computed = run_recipe(silicon_in_coronene, "relax_z", choose_level(level))
    moved = computed.cluster.positions_A - silicon_in_coronene.positions_A
    assert np.allclose(moved[:, :2], 0, atol=1e-8)
    assert np.abs(moved[:, 2]).max() > 0.01


def test_a_fixed_perimeter_stays(silicon_in_coronene: Cluster) -> None:
    computed = run_recipe(silicon_in_coronene, "relax_perimeter", FORCE_FIELD)
    moved = np.linalg.norm(computed.cluster.positions_A - silicon_in_coronene.positions_A, axis=1)
    fixed = silicon_in_coronene.indices("rim", "cap")
    assert np.allclose(moved[fixed], 0, atol=1e-8)
    assert moved[silicon_in_coronene.indices("interior")].max() > 0.01


def test_fixed_hydrogen_stays(silicon_in_coronene: Cluster) -> None:
    computed = run_recipe(silicon_in_coronene, "relax_h", FORCE_FIELD)
    moved = np.linalg.norm(computed.cluster.positions_A - silicon_in_coronene.positions_A, axis=1)
    hydrogen = np.array([symbol == "H" for symbol in silicon_in_coronene.symbols])
    assert np.allclose(moved[hydrogen], 0, atol=1e-8)
    assert moved[~hydrogen].max() > 0.01


def test_the_formation_energy_is_the_stated_difference(silicon_in_coronene: Cluster) -> None:
    result = run_recipe(silicon_in_coronene, "formation", GFN1).result
    reference = result.reference
    assert reference is not None
    assert set(reference.mu_eV) == {"C", "Si"}
    paid = reference.mu_eV["Si"] - reference.mu_eV["C"]
    assert result.formation_eV == pytest.approx(result.energy_eV - reference.pristine_eV - paid)
    assert "graphene" in reference.note
    assert "silicon" in reference.note


def test_pristine_graphene_costs_nothing(coronene: Cluster) -> None:
    result = run_recipe(coronene, "relax", GFN1).result
    assert result.formation_eV == pytest.approx(0.0, abs=2e-3)
    assert result.reference is not None
    assert result.reference.mu_eV == {}


def test_the_twin_is_relaxed_once_for_congruent_rims(coronene: Cluster) -> None:
    twins, stages = TwinEnergies(), []

    def watch(progress: Progress) -> None:
        stages.append(progress.stage)

    first = run_recipe(coronene, "relax", GFN1, watch=watch, twins=twins).result
    assert "pristine" in stages
    stages.clear()
    second = run_recipe(coronene, "relax", GFN1, watch=watch, twins=twins).result
    assert "pristine" not in stages
    assert second.formation_eV == pytest.approx(first.formation_eV, abs=1e-3)


def test_the_force_field_reports_no_formation_energy_and_says_why(
    silicon_in_coronene: Cluster,
) -> None:
    computed = run_recipe(silicon_in_coronene, "relax", FORCE_FIELD)
    assert computed.result.formation_eV is None
    assert any("gfnff has no meaningful one" in note for note in computed.cluster.notes)
    with pytest.raises(StructureError, match="No formation energy is defined here"):
        run_recipe(silicon_in_coronene, "formation", FORCE_FIELD)


def test_a_molecule_without_a_twin_is_relaxed_but_has_no_formation_energy(
    benzene: Cluster,
) -> None:
    cation = dataclasses.replace(benzene, charge=1, unpaired=1)
    computed = run_recipe(cation, "relax", GFN1)
    assert computed.result.formation_eV is None
    assert (computed.result.charge, computed.result.unpaired) == (1, 1)
    with pytest.raises(StructureError, match="charged"):
        run_recipe(cation, "formation", GFN1)


def test_the_result_lies_over_the_input(silicon_in_coronene: Cluster) -> None:
    turned = silicon_in_coronene.moved(
        silicon_in_coronene.positions_A @ [[0, 1, 0], [-1, 0, 0], [0, 0, 1]] + [30, 0, 0]
    )
    computed = run_recipe(turned, "relax", FORCE_FIELD)
    moved = np.linalg.norm(computed.cluster.positions_A - turned.positions_A, axis=1)
    assert moved.max() < 1.0
    drift = (computed.cluster.positions_A - turned.positions_A).mean(axis=0)
    assert np.allclose(drift, 0, atol=1e-6)


def test_too_few_steps_are_reported_as_not_converged(benzene: Cluster) -> None:
    computed = run_recipe(benzene, "relax", FORCE_FIELD, Options(fmax_eV_A=1e-6, max_steps=1))
    assert not computed.result.converged
    assert any("not converged after 1 steps" in note for note in computed.cluster.notes)


def test_a_cluster_that_falls_apart_is_a_simulation_error(benzene: Cluster) -> None:
    with pytest.raises(SimulationError, match="fragments while it relaxed"):
        run_recipe(benzene, "relax", Torn())  # type: ignore[arg-type]


def test_more_atoms_than_the_level_takes_are_refused(benzene: Cluster) -> None:
    small = dataclasses.replace(Torn(), max_atoms=5)
    with pytest.raises(StructureError, match="12 atoms are too many"):
        run_recipe(benzene, "relax", small)  # type: ignore[arg-type]


def test_time_is_what_the_clock_says(benzene: Cluster) -> None:
    clock: Clock = Ticking()
    result = run_recipe(benzene, "single_point", FORCE_FIELD, Options(clock=clock)).result
    assert result.wall_s == 10.0
    assert result.cpu_s >= 0.0


@pytest.mark.parametrize("recipe", ["error_bar", "bake"])
def test_a_recipe_that_is_not_there_is_refused_with_those_that_are(
    benzene: Cluster, recipe: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        run_recipe(benzene, recipe, GFN1)
    assert all(name in caught.value.remedy for name in RECIPES)


def test_twin_energies_outlive_the_process_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "twins"
    TwinEnergies(folder).keep("a" * 64, -1.5)
    assert TwinEnergies(folder).find("a" * 64) == -1.5
    (folder / f"{'b' * 64}.json").write_text("{broken")
    assert TwinEnergies(folder).find("b" * 64) is None
    assert TwinEnergies().find("a" * 64) is None


def test_every_potential_of_the_table_has_its_source_named() -> None:
    table = chemical_potentials()
    for potentials in table["mu_eV"].values():
        assert set(potentials) <= set(table["notes"])
        assert all(value < 0 for value in potentials.values())


def test_the_shipped_table_is_the_one_its_command_describes() -> None:
    table = chemical_potentials()
    assert table["notes"] == {source.element: source.note for source in RESERVOIRS}
    assert set(table["mu_eV"]) == set(LEVELS)
    for level, potentials in table["mu_eV"].items():
        assert set(potentials) == set(table["notes"])
        half = Bench(TbliteLevel(level)).molecule("H2") / 2
        assert half == pytest.approx(potentials["H"], abs=2e-4)


def test_a_dopant_without_a_sound_reservoir_has_no_formation_energy(coronene: Cluster) -> None:
    atoms = coronene.to_ase()
    middle = int(np.argmin(np.linalg.norm(atoms.positions - atoms.positions.mean(0), axis=1)))
    atoms.symbols[middle] = "N"
    atoms.info.pop("unpaired")
    with pytest.raises(StructureError, match="no sound chemical potential of N"):
        run_recipe(cluster_from_ase(atoms), "formation", GFN1)


def test_a_run_takes_every_option_that_a_job_may_carry() -> None:
    asked = RecipeOptions(duration_fs=12.5, site="top", seed=4, max_wall_s=9.0)
    options = Options.of(asked, threads=2, checkpoint=Path("kept.npz"))
    assert all(getattr(options, name) == value for name, value in asked.model_dump().items())
    assert (options.threads, options.checkpoint) == (2, Path("kept.npz"))
    assert Options.of(RecipeOptions()).checkpoint is None


def test_detected_places_are_compared_in_the_plane(silicon_in_coronene: Cluster) -> None:
    seen = np.where([symbol == "H" for symbol in silicon_in_coronene.symbols], np.nan, 0.04)
    cluster = dataclasses.replace(silicon_in_coronene, sigma_A=seen)
    moved = run_recipe(cluster, "relax", FORCE_FIELD).result.moved
    assert moved is not None
    assert moved.n_atoms == 24
    assert moved.sigma_A == pytest.approx(0.04)
    assert 0.01 < moved.rms_A < 0.5
    assert moved.percent_x < 5
    assert "25.786" in moved.note
    assert run_recipe(silicon_in_coronene, "relax", FORCE_FIELD).result.moved is None


def test_a_rigid_motion_is_no_displacement(coronene: Cluster) -> None:
    seen = dataclasses.replace(coronene, p=np.ones(len(coronene)))
    turned = coronene.positions_A @ [[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1]] + [3.0, -1.0, 9.0]
    moved = displacement(seen, coronene.moved(turned))
    assert moved is not None
    assert moved.rms_A < 1e-6
    assert moved.percent_x < 1e-4
    assert moved.sigma_A is None
