"""Levels of theory against each other, against finite differences, and against nonsense."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ase.build
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from shared.errors import (
    ConfigurationError,
    LevelUnavailableError,
    SimulationError,
)
from sim_dispatcher.levels import (
    Level,
    Numerics,
    System,
    choose_level,
    level_reports,
)
from sim_dispatcher.levels.libpyscf import on_host
from sim_dispatcher.levels.libtblite import TbliteLevel, tblite_levels
from sim_dispatcher.levels.libxtb import XtbLevel, xtb_levels
from sim_dispatcher.levels.programs.gpaw import gpaw_interpreter
from sim_dispatcher.levels.programs.xtb import xtb_program_levels
from sim_dispatcher.recipes import run_recipe
from sim_dispatcher.structure.reading import cluster_from_ase

IMPLEMENTATIONS = [
    level
    for level in (*xtb_levels(), *tblite_levels(), *xtb_program_levels())
    if level.unavailable() is None
]


def label(level: Level) -> str:
    return f"{level.name}-{level.implementation.split()[0]}"


def silane() -> tuple[System, np.ndarray]:
    """Methylsilane, distorted: Si, C and H in one small molecule."""
    atoms = ase.build.molecule("CH3SiH3")
    shake = np.random.default_rng(3).normal(0, 0.05, (len(atoms), 3))
    return System(atoms.numbers), atoms.positions + shake


@pytest.mark.parametrize("level", IMPLEMENTATIONS, ids=label)
def test_energy_and_forces_follow_rotation(level: Level) -> None:
    system, positions = silane()
    turn = Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix()
    one = level.potential(system).evaluate(positions)
    other = level.potential(system).evaluate(positions @ turn.T)
    assert other.energy_eV == pytest.approx(one.energy_eV, abs=2e-4)
    assert np.allclose(other.forces_eV_A, one.forces_eV_A @ turn.T, atol=5e-3)


@pytest.mark.parametrize("name", ["gfn1", "gfn2"])
def test_both_implementations_agree_to_a_millielectronvolt(name: str) -> None:
    ours = {type(level): level for level in IMPLEMENTATIONS if level.name == name}
    if not {XtbLevel, TbliteLevel} <= set(ours):
        pytest.skip("only one implementation is installed")
    system, positions = silane()
    one, other = (
        ours[kind].potential(system).evaluate(positions) for kind in (XtbLevel, TbliteLevel)
    )
    assert one.energy_eV == pytest.approx(other.energy_eV, abs=1e-3)
    assert np.allclose(one.forces_eV_A, other.forces_eV_A, atol=1e-3)


def test_gfn2_water_has_the_energy_its_authors_document() -> None:
    water = ase.build.molecule("H2O")
    energy = choose_level("gfn2").potential(System(water.numbers)).evaluate(water.positions)
    assert energy.energy_eV == pytest.approx(-137.96777, abs=1e-3)  # docstring of xtb.ase


def test_charge_and_unpaired_electrons_reach_the_engine() -> None:
    methyl = ase.build.molecule("CH3")
    level = choose_level("gfn1")
    radical = level.potential(System(methyl.numbers, unpaired=1)).evaluate(methyl.positions)
    cation = level.potential(System(methyl.numbers, charge=1)).evaluate(methyl.positions)
    assert 5.0 < cation.energy_eV - radical.energy_eV < 20.0  # ionisation: 9.84 eV measured


def test_the_force_field_leaves_no_file_and_no_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    system, positions = silane()
    potential = choose_level("gfnff").potential(system)
    for shift in (0.0, 0.05, 0.1):
        potential.evaluate(positions * (1 + shift))
    assert list(tmp_path.iterdir()) == []
    assert Path.cwd() == tmp_path
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("level", [each for each in IMPLEMENTATIONS if each.can_react], ids=label)
def test_smeared_electrons_lower_the_energy_of_a_small_gap(level: Level) -> None:
    ozone = ase.build.molecule("O3")
    cold, hot = (
        level.potential(System(ozone.numbers), numerics).evaluate(ozone.positions).energy_eV
        for numerics in (Numerics(), Numerics(electronic_temperature_K=8000.0, max_iterations=500))
    )
    assert hot < cold - 0.01


def test_settings_name_the_method_and_what_was_asked_for() -> None:
    settings = choose_level("gfn1").settings
    assert settings.startswith("GFN1-xTB")
    asked = Numerics(electronic_temperature_K=1000.0, mixing=0.1).applied(settings)
    assert asked == f"{settings}; electronic temperature 1000 K; mixing 0.1"
    assert Numerics().applied(settings) == settings


@pytest.mark.parametrize("wrong", [{"mixing": 1.5}, {"accuracy": 0.0}, {"max_iterations": -1}])
def test_numerical_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Numerics(**wrong)  # type: ignore[arg-type]


def test_a_charge_cloud_that_does_not_settle_ends_in_a_simulation_error() -> None:
    potential = choose_level("gfn1").potential(System(np.array([6, 1]), unpaired=1))
    with pytest.raises(SimulationError, match="did not converge"):
        potential.evaluate(np.array([[0.0, 0.0, 0.0], [300.0, 0.0, 0.0]]))


def test_an_unknown_level_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="no level of theory called 'dft'") as caught:
        choose_level("dft")
    assert "gfn1" in caught.value.remedy


@dataclass(frozen=True)
class Absent:
    """A level whose library is not installed."""

    name: str = "gfn1"
    implementation: str = "none"
    max_atoms: int = 1
    can_react: bool = True

    def unavailable(self) -> str:
        return "the library is missing"


def test_the_second_implementation_steps_in_where_the_first_is_missing() -> None:
    chosen = choose_level("gfn1", [Absent(), TbliteLevel("gfn1")])  # type: ignore[list-item]
    assert chosen.implementation.startswith("tblite")
    with pytest.raises(LevelUnavailableError, match="the library is missing"):
        choose_level("gfn1", [Absent()])  # type: ignore[list-item]


@pytest.fixture
def without_xtb(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A host that has tblite, but neither xtb's wheel nor any program of chemistry."""
    found = importlib.util.find_spec
    absent = {"xtb", "pyscf"}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *_: None if name in absent else found(name)
    )
    monkeypatch.setenv("PATH", "")
    gpaw_interpreter.cache_clear()
    yield
    gpaw_interpreter.cache_clear()


def test_the_program_steps_in_where_the_wheel_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    if xtb_program_levels()[0].unavailable():
        pytest.skip("the xtb program is not installed")
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *_: None if name == "xtb" else found(name)
    )
    for name in ("gfnff", "gfn1", "gfn2"):
        assert choose_level(name).implementation.startswith("xtb program ")


def test_a_force_computed_on_a_graphics_card_comes_home() -> None:
    class Away:
        def get(self) -> list[list[float]]:
            return [[1.0, 2.0, 3.0]]

    assert on_host(Away()).tolist() == on_host([[1.0, 2.0, 3.0]]).tolist()


@pytest.mark.usefixtures("without_xtb")
def test_tblite_alone_relaxes_from_a_plain_start() -> None:
    level = choose_level("gfn1")
    assert level.implementation.startswith("tblite")
    ethylene = ase.build.molecule("C2H4")
    ethylene.positions *= 1.03
    ethylene.center(vacuum=6.0)
    result = run_recipe(cluster_from_ase(ethylene), "relax", level).result
    assert result.converged
    assert result.bonds_A["C-C"].mean == pytest.approx(1.32, abs=0.02)


@pytest.mark.usefixtures("without_xtb")
def test_without_the_engines_each_level_names_what_would_bring_it() -> None:
    for name, what in {
        "gfnff": "program not found on PATH: xtb",
        "pyscf": r"pip install 'atomloop\[dft\]'",
        "gpaw": "program not found on PATH: gpaw",
        "qe": "program not found on PATH: pw.x",
        "dftb": "program not found on PATH: dftb",
        "vasp": "program not found on PATH: vasp_std",
    }.items():
        with pytest.raises(LevelUnavailableError, match=what):
            choose_level(name)


def test_a_crystal_is_given_to_what_can_compute_it() -> None:
    assert choose_level("gfn1", periodic=True).implementation.startswith("tblite")
    with pytest.raises(LevelUnavailableError, match="computes molecules only"):
        choose_level("gfnff", periodic=True)


def test_only_the_force_field_cannot_react() -> None:
    assert [level.name for level in xtb_levels() if not level.can_react] == ["gfnff"]


def test_the_doctor_lists_every_level_with_its_reason() -> None:
    reports = {(report.name, report.implementation): report for report in level_reports()}
    names = {name for name, _ in reports}
    assert names == {"gfnff", "gfn1", "gfn2", "pyscf", "gpaw", "qe", "dftb", "vasp"}
    for report in reports.values():
        if report.name in {"vasp", "dftb"} and report.unavailable:
            assert "input sets are written" in report.unavailable
