"""Failures of the real engines, and what the policy's settings make of them."""

from __future__ import annotations

import io
from pathlib import Path

import ase.build
import ase.io
import pytest

from shared.messages.simulation import Level, Recipe
from sim_dispatcher.failures import (
    Adjustments,
    Ending,
    FailureKind,
    Retry,
    classify,
    decide,
)
from sim_dispatcher.launch.engine import compute
from sim_dispatcher.launch.orders import EngineAnswer, EngineFailure, EngineOrder
from sim_dispatcher.ledger import JobSpec


@pytest.fixture(scope="module")
def benzene() -> str:
    """The molecule as extended XYZ."""
    text = io.StringIO()
    ase.io.write(text, ase.build.molecule("C6H6"), format="extxyz")
    return text.getvalue()


def ordered(
    structure: str, folder: Path, level: Level, recipe: Recipe, adjustments: Adjustments
) -> EngineOrder:
    spec = JobSpec(
        key="a", roi="r", recipe=recipe, level=level, structure=structure,
        frame="0" * 64, model="1" * 64, created_at_ns=1,
    )  # fmt: skip
    return EngineOrder(spec=spec, folder=str(folder), adjustments=adjustments)


def test_a_field_that_does_not_converge_converges_with_the_policys_settings(
    benzene: str, tmp_path: Path
) -> None:
    starved = ordered(benzene, tmp_path, "gfn1", "single_point", Adjustments(max_iterations=1))
    failure = compute(starved, lambda _: None)
    assert isinstance(failure, EngineFailure)
    kind = classify(Ending(failure.code, failure.exit_code))
    assert kind is FailureKind.SCF
    verdict = decide(kind, {}, "gfn1", (failure.reason, failure.remedy))
    assert isinstance(verdict, Retry)
    milder = ordered(benzene, tmp_path, "gfn1", "single_point", verdict.adjustments)
    answer = compute(milder, lambda _: None)
    assert isinstance(answer, EngineAnswer)
    assert answer.answer.settings is not None
    assert "electronic temperature 1000 K" in answer.answer.settings


def test_the_other_implementation_is_another_code(benzene: str, tmp_path: Path) -> None:
    pytest.importorskip("tblite")
    software = []
    for number in (0, 1):
        adjustments = Adjustments(implementation=number)
        order = ordered(benzene, tmp_path, "gfn1", "single_point", adjustments)
        answer = compute(order, lambda _: None)
        assert isinstance(answer, EngineAnswer)
        software.append(answer.answer.software.split()[0])
    assert software[1] == "tblite"
    assert software[0] != "tblite"


def test_smaller_steps_reach_the_same_minimum(benzene: str, tmp_path: Path) -> None:
    energies = []
    for adjustments in (Adjustments(), Adjustments(attempt=2, max_step_A=0.02)):
        order = ordered(benzene, tmp_path, "gfn1", "relax", adjustments)
        answer = compute(order, lambda _: None)
        assert isinstance(answer, EngineAnswer)
        energies.append(answer.answer.result.energy_eV)
    assert energies[0] == pytest.approx(energies[1], abs=1e-3)


def test_a_disk_without_room_and_a_memory_without_end_are_told_apart(
    benzene: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    causes = {28: "disk-full", None: "out-of-memory"}
    for number, code in causes.items():
        error = MemoryError() if number is None else OSError(number, "No space left on device")

        def fails(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr("sim_dispatcher.launch.engine.run_recipe", fails)
        order = ordered(benzene, tmp_path, "gfn1", "relax", Adjustments())
        failure = compute(order, lambda _: None)
        assert isinstance(failure, EngineFailure)
        assert failure.code == code
