"""The real engine process, on a molecule small enough to take no time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ase.build
import pytest

from sim_dispatcher.launch.engine import LOG_NAME, compute
from sim_dispatcher.launch.engine_process import EngineProcess
from sim_dispatcher.launch.orders import (
    EngineAnswer,
    EngineFailure,
    EngineMessage,
    EngineOrder,
    EngineProgress,
)
from sim_dispatcher.ledger import JobSpec
from sim_dispatcher.structure.reading import cluster_from_ase

Spec = Callable[..., JobSpec]


@pytest.fixture(scope="module")
def benzene() -> str:
    atoms = ase.build.molecule("C6H6")
    atoms.center(5.0)
    return cluster_from_ase(atoms).extxyz()


def test_an_order_is_computed_in_a_process_of_its_own(
    tmp_path: Path, spec: Spec, benzene: str
) -> None:
    engine = EngineProcess(tmp_path / "idle.log")
    job = tmp_path / "job"
    job.mkdir()
    try:
        engine.order(EngineOrder(spec=spec("a", structure=benzene), folder=str(job)))
        messages: list[EngineMessage] = []
        while not messages or isinstance(messages[-1], EngineProgress):
            message = engine.receive(60.0)
            assert message is not None
            messages.append(message)
    finally:
        engine.stop()
    answer = messages[-1]
    assert isinstance(answer, EngineAnswer)
    assert answer.answer.result.converged
    assert answer.answer.result.bonds_A["C-C"].mean == pytest.approx(1.39, abs=0.03)
    assert answer.answer.structure.startswith("12\n")
    assert answer.answer.software
    assert len(messages) > 1
    assert (job / LOG_NAME).exists()
    assert engine.pid is None


def test_a_structure_that_cannot_be_read_is_a_failure_with_a_remedy(spec: Spec) -> None:
    order = EngineOrder(spec=spec("a", structure="rubbish"), folder=".")
    outcome = compute(order, [].append)
    assert isinstance(outcome, EngineFailure)
    assert outcome.reason
    assert outcome.remedy


def test_a_level_that_this_host_has_not_is_a_failure_with_a_remedy(
    spec: Spec, benzene: str
) -> None:
    order = EngineOrder(spec=spec("a", structure=benzene, level="vasp"), folder=".")
    outcome = compute(order, [].append)
    assert isinstance(outcome, EngineFailure)
    assert "vasp" in outcome.reason


def test_a_stopped_engine_says_so(tmp_path: Path) -> None:
    outcome = EngineProcess(tmp_path / "idle.log").receive(0.0)
    assert isinstance(outcome, EngineFailure)
