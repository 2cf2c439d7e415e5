"""What must be done about the jobs in Slurm: a pure decision on what was seen.

Slurm, the ledger and the LaunchPad are looked at one after the other, so what was seen once may
have been a moment's state. A job counts as lost only when two looks in a row agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sim_dispatcher.batch.slurm import BatchJob
from sim_dispatcher.ledger import FINAL, JobRecord

__all__ = ["Cancel", "Duty", "Free", "Look", "Lost", "Move", "Suspects", "duties"]

Suspects = frozenset[tuple[str, int]]
"""Keys and tokens of what seemed lost at a look."""

_WAITING: Final = "PENDING"


@dataclass(frozen=True)
class Cancel:
    """Cancel a job in Slurm that is of no use any more."""

    job: BatchJob


@dataclass(frozen=True)
class Move:
    """Move a waiting job to the partition of its priority."""

    job: BatchJob
    partition: str


@dataclass(frozen=True)
class Lost:
    """A job that the ledger has running runs nowhere.

    Attributes:
        record: Of the ledger.
        waits: Whether Slurm has put it back into the queue.
    """

    record: JobRecord
    waits: bool


@dataclass(frozen=True)
class Free:
    """A firework is checked out, but its job is neither in Slurm nor running: make it ready."""

    firework: int


Duty = Cancel | Move | Lost | Free


@dataclass(frozen=True)
class Look:
    """What was seen, in this order.

    Attributes:
        jobs: In Slurm's queue.
        records: Of the ledger, by key: of all that follows, and of the jobs' names.
        checked_out: Fireworks of the batch category that are reserved or running, by key.
    """

    jobs: Sequence[BatchJob]
    records: Mapping[str, JobRecord]
    checked_out: Mapping[str, int] = field(default_factory=dict)


def duties(
    look: Look, before: Suspects, queue: Callable[[float], str]
) -> tuple[list[Duty], Suspects]:
    """Return what must be done.

    Args:
        look: What was seen.
        before: What seemed lost at the look before.
        queue: Returns the partition of jobs of a priority.

    Returns:
        The duties, and what seems lost now.
    """
    found: list[Duty] = []
    by_name: dict[str, list[BatchJob]] = {}
    for job in look.jobs:
        record = look.records.get(job.name)
        if record is None:
            continue
        by_name.setdefault(job.name, []).append(job)
        if _useless(job, record, by_name[job.name]):
            found.append(Cancel(job))
        elif _misplaced(job, record, queue):
            found.append(Move(job, queue(record.priority)))
    lost = {
        key: record
        for key in look.checked_out
        if (record := look.records.get(key)) is not None and _seems_lost(record, by_name.get(key))
    }
    suspects = frozenset((key, record.token) for key, record in lost.items())
    for key, record in lost.items():
        if (key, record.token) not in before:
            continue
        if record.state == "running":
            found.append(Lost(record, waits=key in by_name))
        else:
            found.append(Free(look.checked_out[key]))
    return found, suspects


def _useless(job: BatchJob, record: JobRecord, alike: Sequence[BatchJob]) -> bool:
    """Tell whether a job's work was withdrawn, is done, or is waited for by another job, too."""
    if record.state in FINAL:
        return record.state != "done" or job.state == _WAITING
    return job.state == _WAITING and any(other.state == _WAITING for other in alike[:-1])


def _misplaced(job: BatchJob, record: JobRecord, queue: Callable[[float], str]) -> bool:
    """Tell whether a waiting job is in the other one of our two partitions, not elsewhere."""
    ours = {queue(float("-inf")), queue(float("inf"))} - {queue(record.priority)}
    return job.state == _WAITING and job.partition in ours


def _seems_lost(record: JobRecord, jobs: Sequence[BatchJob] | None) -> bool:
    if record.state == "running":
        return not jobs or all(job.state == _WAITING for job in jobs)
    return not jobs and record.state == "queued"
