"""VASP and DFTB+ as a site would have them, with a stand-in program behind the same files."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.errors import NotConvergedError, SimulationError
from shared.testing.surfaces import Surface, memory_eV, reordering_eV, slope_eV_A, translation_eV
from sim_dispatcher.levels import Level, Numerics, System, choose_level

NUMBERS = np.array([6, 14, 1, 6, 1])
POSITIONS_A = np.array(
    [[0.0, 0.0, 0.0], [1.7, 0.1, 0.2], [-0.6, 0.9, 0.1], [2.6, 1.3, -0.2], [-0.5, -0.9, 0.3]]
)
STAND_IN = Path(__file__).with_name("morse.py")


@pytest.fixture(params=["vasp", "dftb"])
def level(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Level:
    """A host on whose PATH the program is, with potentials where it looks for them."""
    name = {"vasp": "vasp_std", "dftb": "dftb+"}[request.param]
    program = tmp_path / name
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" {request.param}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for element in ("C", "H", "Si"):
        potential = tmp_path / "potpaw_PBE" / element / "POTCAR"
        potential.parent.mkdir(parents=True)
        potential.write_text(f"PAW_PBE {element}\n")
        for other in ("C", "H", "Si"):
            (tmp_path / f"{element}-{other}.skf").touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("VASP_PP_PATH", str(tmp_path))
    monkeypatch.setenv("DFTB_PREFIX", str(tmp_path))
    return choose_level(request.param)


def surface(level: Level, order: NDArray[np.intp]) -> Surface:
    potential = level.potential(System(NUMBERS[order]))

    def at(positions_A: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        found = potential.evaluate(positions_A)
        return found.energy_eV, found.forces_eV_A

    return at


def test_a_site_program_keeps_the_promises_of_every_level(level: Level) -> None:
    same = np.arange(len(NUMBERS))
    assert slope_eV_A(surface(level, same), POSITIONS_A, directions=1) < 1e-3
    assert translation_eV(lambda: surface(level, same), POSITIONS_A) < 1e-6
    assert reordering_eV(lambda order: surface(level, order), POSITIONS_A) < 1e-6
    assert memory_eV(lambda: surface(level, same), POSITIONS_A) < 1e-6


def test_a_site_program_that_does_not_converge_is_told_apart(level: Level) -> None:
    with pytest.raises(NotConvergedError, match=f"{level.name} gave no energy: not converged"):
        level.potential(System(NUMBERS), Numerics(max_iterations=2)).evaluate(POSITIONS_A)


def test_an_element_without_potential_is_named(level: Level) -> None:
    with pytest.raises(SimulationError, match="Xe"):
        level.potential(System(np.array([54]))).evaluate(np.zeros((1, 3)))
    with pytest.raises(SimulationError, match=r"cannot be read|O\.skf"):
        level.potential(System(np.array([8]))).evaluate(np.zeros((1, 3)))


def test_a_crash_of_the_program_is_reported_with_its_last_words(
    level: Level, tmp_path: Path
) -> None:
    program = tmp_path / {"vasp": "vasp_std", "dftb": "dftb+"}[level.name]
    program.write_text("#!/bin/sh\necho no licence left\nexit 1\n")
    with pytest.raises(SimulationError, match=f"{level.name} gave no energy: no licence left"):
        level.potential(System(NUMBERS)).evaluate(POSITIONS_A)
