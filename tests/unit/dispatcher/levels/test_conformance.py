"""Every engine that is quick enough, held to the same promises; the slow ones: `test_dft.py`."""

from __future__ import annotations

from collections.abc import Callable

import ase.build
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.errors import NotConvergedError, SimulationError
from shared.testing.surfaces import Surface, memory_eV, reordering_eV, slope_eV_A, translation_eV
from sim_dispatcher.levels import Level, Numerics, System, known_levels
from sim_dispatcher.levels.programs.xtb import xtb_program_levels

QUICK = ("gfnff", "gfn1", "gfn2")
LEVELS = [level for level in known_levels() if level.name in QUICK]
ALLOWED = 2e-3
"""eV and eV/Å."""


def label(level: Level) -> str:
    return f"{level.name}-{type(level).__name__}"


@pytest.fixture(params=LEVELS, ids=label)
def level(request: pytest.FixtureRequest) -> Level:
    reason = request.param.unavailable()
    if reason is not None:
        pytest.skip(reason)
    return request.param


def silane() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Methylsilane, distorted: Si, C and H in one small molecule."""
    atoms = ase.build.molecule("CH3SiH3")
    shake = np.random.default_rng(3).normal(0, 0.05, (len(atoms), 3))
    return atoms.numbers, atoms.positions + shake


def surface(level: Level, order: NDArray[np.intp]) -> Surface:
    potential = level.potential(System(silane()[0][order]))

    def at(positions_A: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        found = potential.evaluate(positions_A)
        return found.energy_eV, found.forces_eV_A

    return at


def maker(level: Level) -> Callable[[], Surface]:
    return lambda: surface(level, np.arange(len(silane()[0])))


def test_forces_are_the_slope_of_the_energy(level: Level) -> None:
    assert slope_eV_A(maker(level)(), silane()[1]) < ALLOWED


def test_a_shift_changes_nothing(level: Level) -> None:
    assert translation_eV(maker(level), silane()[1]) < ALLOWED


def test_the_order_of_the_atoms_changes_nothing(level: Level) -> None:
    assert reordering_eV(lambda order: surface(level, order), silane()[1]) < ALLOWED


def test_what_came_before_changes_nothing(level: Level) -> None:
    assert memory_eV(maker(level), silane()[1]) < ALLOWED


def test_atoms_in_one_place_are_refused_with_a_reason(level: Level) -> None:
    with pytest.raises(SimulationError, match=f"gave no (GFN|{level.name})"):
        level.potential(System(np.array([6, 6]))).evaluate(np.zeros((2, 3)))


@pytest.mark.parametrize(
    "level", [each for each in LEVELS if each.can_react], ids=label, indirect=True
)
def test_too_few_cycles_are_an_error_of_their_own(level: Level) -> None:
    numbers, positions = silane()
    with pytest.raises(NotConvergedError, match="not converge") as caught:
        level.potential(System(numbers), Numerics(max_iterations=2)).evaluate(positions)
    assert caught.value.code == "scf-not-converged"


def test_a_crystal_is_computed_or_refused_but_never_taken_for_a_molecule(level: Level) -> None:
    cell = System(np.array([6, 6]), lattice_A=np.diag([2.5, 4.3, 15.0]))
    places = np.array([[0.0, 0.0, 0.0], [0.0, 1.42, 0.0]])
    if not level.periodic:
        with pytest.raises(SimulationError, match="periodic cell"):
            level.potential(cell)
        return
    molecule = level.potential(System(cell.numbers)).evaluate(places).energy_eV
    assert level.potential(cell).evaluate(places).energy_eV < molecule - 1.0


@pytest.mark.parametrize("level", xtb_program_levels(), ids=label, indirect=True)
def test_the_program_and_the_wheel_agree(level: Level) -> None:
    numbers, positions = silane()
    energies = [
        each.potential(System(numbers)).evaluate(positions).energy_eV
        for each in LEVELS
        if each.name == level.name and each.unavailable() is None
    ]
    assert np.ptp(energies) < 1e-3
