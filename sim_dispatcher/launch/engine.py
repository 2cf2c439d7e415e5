"""The engine process: imports the chemistry once, then computes one order after the other.

It is a process of its own so that a crash, a memory limit or an operator's cancel ends the
calculation and not the launcher. Orders come as lines on standard input; answers go to what was
standard output; whatever the engines print goes to a log in the job's folder.
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TextIO

from shared.errors import AtomLoopError
from sim_dispatcher.launch.orders import (
    EngineAnswer,
    EngineFailure,
    EngineMessage,
    EngineOrder,
    EngineProgress,
)
from sim_dispatcher.ledger import JobAnswer, JobProgress
from sim_dispatcher.levels import choose_level
from sim_dispatcher.recipes import Options, Progress, run_recipe
from sim_dispatcher.structure import parse_cluster

__all__ = ["LOG_NAME", "compute", "serve"]

PR_SET_PDEATHSIG: Final = 1
"""Linux: the signal a process gets when its parent dies."""

LOG_NAME: Final = "engine.log"
"""File in the job's folder that takes what the engines print."""


def compute(order: EngineOrder, tell: Callable[[EngineMessage], None]) -> EngineMessage:
    """Compute one order.

    Args:
        order: What to compute.
        tell: Takes every step.
    """
    spec = order.spec
    options = Options(fmax_eV_A=spec.options.fmax_eV_A, max_steps=spec.options.max_steps)

    def watch(step: Progress) -> None:
        progress = JobProgress(step=step.step, energy_eV=step.energy_eV, fmax_eV_A=step.fmax_eV_A)
        tell(EngineProgress(progress=progress))

    try:
        cluster = dataclasses.replace(
            parse_cluster(spec.structure), charge=spec.charge, unpaired=spec.unpaired
        )
        computed = run_recipe(cluster, spec.recipe, choose_level(spec.level), options, watch)
    except AtomLoopError as error:
        return EngineFailure(reason=error.message, remedy=error.remedy)
    structure = computed.cluster.extxyz()
    answer = JobAnswer(result=computed.result, structure=structure, software=computed.software)
    return EngineAnswer(answer=answer)


def serve(orders: Iterable[str], replies: TextIO) -> None:
    """Compute orders until there are no more.

    Args:
        orders: Lines, each an `EngineOrder`.
        replies: Takes the engine's messages, one a line.
    """

    def tell(message: EngineMessage) -> None:
        replies.write(message.model_dump_json() + "\n")
        replies.flush()

    for line in orders:
        order = EngineOrder.model_validate_json(line)
        _work_in(Path(order.folder))
        tell(compute(order, tell))


def _work_in(folder: Path) -> None:
    """Make a folder the working directory, and let everything printed go to its log."""
    os.chdir(folder)
    log = os.open(LOG_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)


def _belong_to_parent() -> None:
    """Leave the end to the launcher: ignore a terminal's Ctrl-C, but do not outlive it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    _belong_to_parent()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as replies:
        os.dup2(2, 1)
        serve(sys.stdin, replies)
