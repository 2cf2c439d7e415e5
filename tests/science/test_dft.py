"""PBE really run: slopes, one another's numbers, and a relaxation from the tight-binding minimum.

Kept small. The long form, silicon in coronene: `python -m tests.science.dft_ladder`.
"""

from __future__ import annotations

import os
from pathlib import Path

import ase
import ase.build
import numpy as np
import pytest

from shared.errors import NotConvergedError, SimulationError
from shared.messages.simulation import RecipeOptions
from shared.testing.surfaces import slope_eV_A
from sim_dispatcher.inputs import input_set
from sim_dispatcher.levels import Level, Numerics, System, choose_level
from sim_dispatcher.levels.libpyscf import PyscfLevel
from sim_dispatcher.levels.programs.espresso import EspressoLevel
from sim_dispatcher.levels.programs.gpaw import GpawLevel
from sim_dispatcher.levels.programs.process import find_program, run_program
from sim_dispatcher.structure.reading import cluster_from_ase
from tests.science.dft_ladder import FLAKES, Rung, climb

pytestmark = pytest.mark.science

LEVELS: tuple[Level, ...] = (PyscfLevel(), GpawLevel(), EspressoLevel())
HYDROGEN = np.array([[0.0, 0.0, 0.0], [0.75, 0.05, 0.0]])


def able(level: Level) -> Level:
    reason = level.unavailable()
    if reason is not None:
        pytest.skip(reason)
    return level


@pytest.fixture(params=LEVELS, ids=lambda level: level.name)
def level(request: pytest.FixtureRequest) -> Level:
    return able(request.param)


def surface(level: Level):
    potential = level.potential(System(np.array([1, 1])))

    def at(positions_A: np.ndarray) -> tuple[float, np.ndarray]:
        found = potential.evaluate(positions_A)
        return found.energy_eV, found.forces_eV_A

    return at


def test_forces_are_the_slope_of_the_energy(level: Level) -> None:
    assert slope_eV_A(surface(level), HYDROGEN, directions=1) < 0.03


def test_stretching_hydrogen_costs_what_pbe_says(level: Level) -> None:
    at = surface(level)
    cost = at(HYDROGEN * [1.4, 1.0, 1.0])[0] - at(HYDROGEN)[0]
    assert cost == pytest.approx(0.81, abs=0.08)  # measured: pyscf 0.80, gpaw 0.75, qe 0.87


def test_too_few_cycles_are_an_error_of_their_own(level: Level) -> None:
    potential = level.potential(System(np.array([1, 1])), Numerics(max_iterations=2))
    with pytest.raises(NotConvergedError, match=f"{level.name} gave no energy"):
        potential.evaluate(HYDROGEN)


def test_atoms_in_one_place_are_refused_with_a_reason(level: Level) -> None:
    potential = level.potential(System(np.array([6, 6])))
    with pytest.raises(SimulationError, match=f"{level.name} gave no energy"):
        potential.evaluate(np.zeros((2, 3)))


def relaxed(flake: str, level: Level, **limits: float) -> tuple[Rung, Rung]:
    below, above = climb(FLAKES[flake](), level, **limits)
    assert above.found.converged
    assert above.found.steps <= 8  # from tight binding's minimum, with its curvature
    return below, above


def test_pyscf_relaxes_ethylene_from_the_tight_binding_minimum() -> None:
    _, above = relaxed("ethylene", able(PyscfLevel()))
    assert above.bonds_A["C-C"]["mean"] == pytest.approx(1.338, abs=0.01)
    assert above.bonds_A["C-H"]["mean"] == pytest.approx(1.10, abs=0.01)


def test_gpaw_relaxes_benzene_from_the_tight_binding_minimum() -> None:
    below, above = relaxed("benzene", able(GpawLevel()), fmax_eV_A=0.1)
    assert above.bonds_A["C-C"]["mean"] == pytest.approx(1.40, abs=0.015)
    assert above.bonds_A["C-C"]["mean"] == pytest.approx(below.bonds_A["C-C"]["mean"], abs=0.03)


def test_pw_runs_its_input_set_as_written(tmp_path: Path) -> None:
    able(EspressoLevel())
    molecule = ase.build.molecule("H2")
    molecule.center(vacuum=2.5)
    options = RecipeOptions(fmax_eV_A=0.3, max_steps=3)
    text = input_set(cluster_from_ase(molecule), "relax", options, "qe", "gamma")["pw.in"]
    (tmp_path / "pw.in").write_text(text)
    debian = os.environ.get("ESPRESSO_PSEUDO", "/usr/share/espresso/pseudo")
    (tmp_path / "pseudo").symlink_to(debian)
    printed = run_program([find_program("pw.x") or "", "-in", "pw.in"], tmp_path, "pw.out")
    assert "End of BFGS Geometry Optimization" in printed
    assert "JOB DONE" in printed


def test_the_ladder_ends_where_the_host_does() -> None:
    assert choose_level("pyscf").implementation.startswith(("pyscf ", "gpu4pyscf "))
