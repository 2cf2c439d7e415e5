"""The engine process: imports the chemistry once, then computes one order after the other.

It is a process of its own so that a crash, a memory limit or an operator's cancel ends the
calculation and not the launcher. Orders come as lines on standard input; answers go to what was
standard output; whatever the engines print goes to a log in the job's folder.
"""

from __future__ import annotations

import base64
import ctypes
import dataclasses
import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Literal, TextIO

from shared.errors import AtomLoopError
from sim_dispatcher.launch.orders import (
    CHECKPOINT_NAME,
    EngineAnswer,
    EngineFailure,
    EngineMessage,
    EngineOrder,
    EngineProgress,
    EngineUnfinished,
)
from sim_dispatcher.ledger import JobAnswer, JobFile, JobProgress
from sim_dispatcher.levels import Level, Numerics, choose_level, known_levels
from sim_dispatcher.recipes import (
    Computed,
    Options,
    Progress,
    ResultFile,
    TwinEnergies,
    UnfinishedError,
    Watcher,
    run_recipe,
)
from sim_dispatcher.structure import parse_cluster
from sim_dispatcher.uncertainty import compute_error_bar

__all__ = ["LOG_NAME", "compute", "job_files", "options_of", "serve"]

PR_SET_PDEATHSIG: Final = 1
"""Linux: the signal a process gets when its parent dies."""

LOG_NAME: Final = "engine.log"
"""File in the job's folder that takes what the engines print."""

MAX_TEXT_CHARS: Final = 500
"""Of one line for a person, in the ledger and on the wire."""

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

MAX_FILES: Final = 7
MAX_FILE_CHARS: Final = 2_000_000
"""What a record of the ledger takes."""


def compute(
    order: EngineOrder,
    tell: Callable[[EngineMessage], None],
    stop: threading.Event | None = None,
    threads: int = 1,
) -> EngineMessage:
    """Compute one order.

    Args:
        order: What to compute.
        tell: Takes every step.
        stop: Set to stop at a checkpoint.
        threads: Of the engines.
    """

    def watch(step: Progress) -> None:
        progress = JobProgress(step=step.step, energy_eV=step.energy_eV, fmax_eV_A=step.fmax_eV_A)
        tell(EngineProgress(progress=progress))

    options = options_of(order, stop or threading.Event(), threads)
    try:
        computed = _computed(order, options, watch)
    except UnfinishedError as error:
        return EngineUnfinished(checkpoint=str(options.checkpoint), step=error.step)
    except AtomLoopError as error:
        return EngineFailure(reason=error.message, remedy=error.remedy, code=error.code)
    except MemoryError:
        return _of_the_host("out-of-memory", "Memory ran out", "Use a smaller cluster.")
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        return _of_the_host("disk-full", "There is no room on the disk", "Make room there.")
    answer = JobAnswer(
        result=computed.result,
        structure=computed.cluster.extxyz(),
        software=computed.software,
        settings=computed.settings[:MAX_TEXT_CHARS] or None,
        files=job_files(computed.files),
    )
    return EngineAnswer(answer=answer)


def _of_the_host(code: str, what: str, remedy: str) -> EngineFailure:
    return EngineFailure(reason=f"{what} on {socket.gethostname()}.", remedy=remedy, code=code)


def options_of(order: EngineOrder, stop: threading.Event, threads: int = 1) -> Options:
    """Return an order's settings: as asked, with this attempt's adjustments."""
    asked, adjusted = order.spec.options, order.adjustments
    limits = [limit for limit in (asked.max_wall_s, order.max_wall_s) if limit is not None]
    checkpoint = Path(order.folder) / CHECKPOINT_NAME
    options = Options.of(asked, threads=threads, checkpoint=checkpoint)
    return dataclasses.replace(
        options,
        max_step_A=adjusted.max_step_A or options.max_step_A,
        timestep_fs=options.timestep_fs * adjusted.timestep_factor,
        max_wall_s=min(limits, default=None),
        stop=stop,
        numerics=Numerics(
            electronic_temperature_K=adjusted.electronic_temperature_K,
            max_iterations=adjusted.max_iterations,
            mixing=adjusted.mixing,
            k_points_factor=adjusted.k_points_factor if adjusted.k_points_factor > 1 else None,
        ),
    )


def job_files(files: Iterable[ResultFile]) -> tuple[JobFile, ...]:
    """Return files as the ledger keeps them; what is too large, or too many, is named in one."""
    kept: list[JobFile] = []
    left_out: list[str] = []
    for file in files:
        textual = not file.media_type.startswith("image/")
        content = file.content.decode() if textual else base64.b64encode(file.content).decode()
        if len(content) > MAX_FILE_CHARS or len(kept) >= MAX_FILES - 1:
            left_out.append(f"{file.name}: {len(file.content)} bytes\n")
            continue
        encoding: Literal["text", "base64"] = "text" if textual else "base64"
        kept.append(
            JobFile.model_validate(_bare(file) | {"encoding": encoding, "content": content})
        )
    if left_out:
        note = ResultFile.text("left-out.txt", "Too large to keep:\n" + "".join(left_out))
        kept.append(JobFile.model_validate(_bare(note) | {"content": note.content.decode()}))
    return tuple(kept)


def _bare(file: ResultFile) -> dict[str, str]:
    return {"name": file.name, "media_type": file.media_type, "role": file.role}


def _computed(order: EngineOrder, options: Options, watch: Watcher) -> Computed:
    spec = order.spec
    cluster = dataclasses.replace(
        parse_cluster(spec.structure), charge=spec.charge, unpaired=spec.unpaired
    )
    periodic = cluster.lattice_A is not None
    level = _level(spec.level, order.adjustments.implementation, periodic=periodic)
    twins = None if order.twins is None else TwinEnergies(Path(order.twins))
    if spec.recipe == "error_bar":
        return compute_error_bar(cluster, spec.variants, level, options, watch, twins)
    return run_recipe(cluster, spec.recipe, level, options, watch, twins)


def _level(name: str, implementation: int, *, periodic: bool) -> Level:
    """Return a level's preferred implementation on this host, or another, the least alike first."""
    preferred = choose_level(name, periodic=periodic)
    fitting = (level for level in known_levels() if level.periodic or not periodic)
    others = (level for level in fitting if level.name == name)
    usable = [level for level in others if level.unavailable() is None]
    return usable[-implementation % len(usable)] if implementation else preferred


def serve(
    orders: Iterable[str],
    replies: TextIO,
    stop: threading.Event | None = None,
    threads: int = 1,
) -> None:
    """Compute orders until there are no more.

    Args:
        orders: Lines, each an `EngineOrder`.
        replies: Takes the engine's messages, one a line.
        stop: Set to stop the order under way at a checkpoint.
        threads: Of the engines.
    """
    stop = stop or threading.Event()

    def tell(message: EngineMessage) -> None:
        replies.write(message.model_dump_json() + "\n")
        replies.flush()

    for line in orders:
        order = EngineOrder.model_validate_json(line)
        stop.clear()
        _work_in(Path(order.folder))
        tell(compute(order, tell, stop, threads))


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


def _stop_on_request() -> threading.Event:
    """Return an event that SIGUSR1 sets: the launcher's, or a batch system's, last warning."""
    stop = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: stop.set())
    return stop


def _threads() -> int:
    """Return the threads that the launcher gave the numerical libraries."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdigit() and int(told) else 1


if __name__ == "__main__":
    _belong_to_parent()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as replies:
        os.dup2(2, 1)
        serve(sys.stdin, replies, _stop_on_request(), _threads())
