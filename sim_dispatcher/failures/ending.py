"""From how a job ended to the kind of failure it was.

The most telling sign decides: the batch system's word, then the error that the engine named, then
how the process died.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sim_dispatcher.failures.kinds import FailureKind

__all__ = ["BATCH_STATES", "ERROR_CODES", "SIGNALS", "Ending", "classify"]

BATCH_STATES: Final[Mapping[str, FailureKind]] = MappingProxyType(
    {
        "TIMEOUT": FailureKind.WALLTIME,
        "DEADLINE": FailureKind.WALLTIME,
        "OUT_OF_MEMORY": FailureKind.MEMORY,
        "PREEMPTED": FailureKind.INTERRUPTED,
        "REQUEUED": FailureKind.INTERRUPTED,
        "REQUEUE_HOLD": FailureKind.INTERRUPTED,
        "SUSPENDED": FailureKind.INTERRUPTED,
        "STOPPED": FailureKind.INTERRUPTED,
        "NODE_FAIL": FailureKind.VANISHED,
        "BOOT_FAIL": FailureKind.VANISHED,
    }
)
"""Slurm's states of a job (`man squeue`, JOB STATE CODES) that say more than the process can."""

ERROR_CODES: Final[Mapping[str, FailureKind]] = MappingProxyType(
    {
        "scf-not-converged": FailureKind.SCF,
        "not-a-number": FailureKind.FORCES,
        "exploded": FailureKind.EXPLODED,
        "fragments": FailureKind.EXPLODED,
        "unfinished": FailureKind.WALLTIME,
        "out-of-memory": FailureKind.MEMORY,
        "disk-full": FailureKind.DISK,
        "hung": FailureKind.HUNG,
        "malformed-answer": FailureKind.MALFORMED,
        "engine-died": FailureKind.CRASHED,
        "level-unavailable": FailureKind.UNAVAILABLE,
        "missing-dependency": FailureKind.UNAVAILABLE,
        "configuration": FailureKind.UNAVAILABLE,
        "input": FailureKind.INPUT,
        "structure": FailureKind.INPUT,
        "unreadable-file": FailureKind.INPUT,
        "refused": FailureKind.REFUSED,
    }
)
"""Codes of `AtomLoopError` and of the engine's own last words; any other code is `OTHER`."""

SIGNALS: Final[Mapping[int, FailureKind]] = MappingProxyType(
    {
        int(signal.SIGKILL): FailureKind.MEMORY,
        int(signal.SIGXCPU): FailureKind.WALLTIME,
        int(signal.SIGXFSZ): FailureKind.DISK,
        int(signal.SIGTERM): FailureKind.INTERRUPTED,
    }
)
"""Signals with a usual sender: the kernel's memory killer, a resource limit, the batch system."""


@dataclass(frozen=True)
class Ending:
    """What is known of how a job ended.

    Attributes:
        code: The error that the engine named.
        exit_code: Of the engine's process; negative = the signal that ended it.
        batch_state: The batch system's word for it.
    """

    code: str | None = None
    exit_code: int | None = None
    batch_state: str | None = None


def classify(ending: Ending) -> FailureKind:
    """Return the kind of failure; every ending has exactly one.

    Args:
        ending: What is known.
    """
    if ending.batch_state is not None and ending.batch_state in BATCH_STATES:
        return BATCH_STATES[ending.batch_state]
    if ending.exit_code is not None and ending.exit_code < 0:
        return SIGNALS.get(-ending.exit_code, FailureKind.CRASHED)
    if ending.code is not None:
        return ERROR_CODES.get(ending.code, FailureKind.OTHER)
    return FailureKind.CRASHED if ending.exit_code else FailureKind.OTHER
