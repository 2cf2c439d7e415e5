"""From a launcher's order to a recipe's settings, and from its outcome to an answer."""

from __future__ import annotations

import base64
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from shared.errors import AtomLoopError, NotConvergedError, StructureError
from shared.messages.simulation import RecipeOptions
from sim_dispatcher.failures import Adjustments, Ending, FailureKind, classify
from sim_dispatcher.launch.engine import MAX_FILE_CHARS, compute, job_files, options_of
from sim_dispatcher.launch.engine_process import EngineProcess
from sim_dispatcher.launch.orders import (
    CHECKPOINT_NAME,
    EngineAnswer,
    EngineFailure,
    EngineMessage,
    EngineOrder,
    EngineProgress,
    EngineUnfinished,
)
from sim_dispatcher.ledger import JobSpec
from sim_dispatcher.recipes import ResultFile, UnfinishedError
from sim_dispatcher.recipes.errors import (
    ExplodedGeometryError,
    ForcesNotFiniteError,
    FragmentsError,
)
from sim_dispatcher.structure import Cluster


def order_for(cluster: Cluster, folder: Path, **changes: Any) -> EngineOrder:
    fields: dict[str, Any] = {
        "key": "k", "roi": "r", "recipe": "relax", "level": "gfn1",
        "structure": cluster.extxyz(), "frame": "0" * 64, "model": "1" * 64, "created_at_ns": 1,
    }  # fmt: skip
    own = {name: changes.pop(name) for name in list(changes) if name in EngineOrder.model_fields}
    return EngineOrder(spec=JobSpec(**{**fields, **changes}), folder=str(folder), **own)


def last_of(engine: EngineProcess, until: int | None = None) -> EngineMessage:
    """Return the first message that is no progress, or the progress at a step of the dynamics."""
    while True:
        message = engine.receive(60.0)
        assert message is not None
        if not isinstance(message, EngineProgress):
            return message
        if message.progress.step == until:
            return message


def test_a_signal_stops_the_engine_at_a_checkpoint_and_the_same_order_goes_on(
    benzene: Cluster, tmp_path: Path
) -> None:
    options = RecipeOptions(duration_fs=150.0)
    order = order_for(benzene, tmp_path, recipe="md", options=options)
    engine = EngineProcess(tmp_path / "idle.log")
    try:
        engine.order(order)
        last_of(engine, until=60)
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGUSR1)
        stopped = last_of(engine)
        assert isinstance(stopped, EngineUnfinished)
        assert stopped.step >= 50
        assert Path(stopped.checkpoint) == tmp_path / CHECKPOINT_NAME
        engine.order(order)
        first = engine.receive(60.0)
        assert isinstance(first, EngineProgress)
        assert first.progress.step > stopped.step
        answer = last_of(engine)
    finally:
        engine.stop()
    assert isinstance(answer, EngineAnswer)
    assert answer.answer.result.steps == 150
    assert {file.name for file in answer.answer.files} >= {"series.json", "trajectory.extxyz"}
    assert answer.answer.settings is not None
    assert "Nosé-Hoover" in answer.answer.settings


def test_what_was_asked_and_what_the_attempt_adjusts_both_count(
    benzene: Cluster, tmp_path: Path
) -> None:
    order = order_for(
        benzene,
        tmp_path,
        options=RecipeOptions(timestep_fs=2.0, max_wall_s=50.0, fmax_eV_A=0.02),
        adjustments=Adjustments(mixing=0.2, max_step_A=0.05, timestep_factor=0.5, attempt=2),
        max_wall_s=30.0,
    )
    options = options_of(order, threading.Event())
    assert (options.fmax_eV_A, options.timestep_fs, options.max_wall_s) == (0.02, 1.0, 30.0)
    assert (options.max_step_A, options.numerics.mixing) == (0.05, 0.2)
    assert options.checkpoint == tmp_path / CHECKPOINT_NAME


def test_an_order_without_adjustments_is_computed_as_asked(
    benzene: Cluster, tmp_path: Path
) -> None:
    options = options_of(order_for(benzene, tmp_path), threading.Event())
    assert (options.max_step_A, options.max_wall_s, options.timestep_fs) == (0.2, None, 1.0)


def test_another_implementation_of_a_level_says_who_it_is(benzene: Cluster, tmp_path: Path) -> None:
    answers = [
        compute(
            order_for(
                benzene,
                tmp_path,
                recipe="single_point",
                adjustments=Adjustments(implementation=which),
            ),
            lambda _: None,
        )
        for which in (0, 1)
    ]
    codes = [answer.answer.software for answer in answers if isinstance(answer, EngineAnswer)]
    assert len(set(codes)) == 2


def test_energies_of_twins_outlive_the_process(coronene: Cluster, tmp_path: Path) -> None:
    stages: list[EngineMessage] = []
    order = order_for(coronene, tmp_path, twins=str(tmp_path / "twins"))
    assert isinstance(compute(order, stages.append), EngineAnswer)
    first = len(stages)
    stages.clear()
    assert isinstance(compute(order, stages.append), EngineAnswer)
    assert len(stages) < first
    assert len(list((tmp_path / "twins").iterdir())) == 1


def test_the_retry_policy_knows_each_way_a_calculation_ends() -> None:
    kinds: dict[type[AtomLoopError], FailureKind] = {
        ForcesNotFiniteError: FailureKind.FORCES,
        ExplodedGeometryError: FailureKind.EXPLODED,
        FragmentsError: FailureKind.EXPLODED,
        UnfinishedError: FailureKind.WALLTIME,
        NotConvergedError: FailureKind.SCF,
        StructureError: FailureKind.INPUT,
    }
    for error, kind in kinds.items():
        assert classify(Ending(code=error.code)) is kind


def test_a_failure_carries_the_kind_of_its_error(benzene: Cluster, tmp_path: Path) -> None:
    outcome = compute(order_for(benzene, tmp_path, recipe="neb"), lambda _: None)
    assert isinstance(outcome, EngineFailure)
    assert outcome.code == "structure"


@pytest.mark.parametrize("recipe", ["relax", "neb", "adsorb"])
def test_a_stop_before_the_first_step_is_no_failure(
    coronene: Cluster, tmp_path: Path, recipe: str
) -> None:
    stop = threading.Event()
    stop.set()
    outcome = compute(order_for(coronene, tmp_path, recipe=recipe), lambda _: None, stop)
    assert isinstance(outcome, EngineUnfinished)


def test_files_travel_as_text_or_base64_and_what_is_too_large_is_named() -> None:
    files = [
        ResultFile.text("a.txt", "å\n"),
        ResultFile("b.png", "image/png", "picture", b"\x89PNG"),
        ResultFile.text("c.txt", "x" * (MAX_FILE_CHARS + 1)),
        *(ResultFile.text(f"{k}.txt", "more") for k in range(9)),
    ]
    kept = {file.name: file for file in job_files(files)}
    assert len(kept) == 7
    assert (kept["a.txt"].encoding, kept["a.txt"].content) == ("text", "å\n")
    assert base64.b64decode(kept["b.png"].content) == b"\x89PNG"
    assert "c.txt: 2000001 bytes" in kept["left-out.txt"].content
    assert "8.txt" in kept["left-out.txt"].content
