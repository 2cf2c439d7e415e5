"""Errands: what has to be said to the ledger about jobs that wait or run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from shared.messages import Level, Recipe
from sim_dispatcher.board.conduct import StaleJobs
from sim_dispatcher.board.entry import Entry
from sim_dispatcher.board.ladder import BAR, WITHDRAWN, Ladder
from sim_dispatcher.ledger import JobRecord
from sim_dispatcher.selection import FIRST

__all__ = ["Cancel", "Errand", "Prioritise", "job_priority", "on_stale", "on_wish"]

DEMOTED: Final = 100.0
"""What a stale ROI's jobs lose: more than the ladder is high, so that all others come before."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """End a job.

    Attributes:
        job: Its key.
        reason: For the operator.
    """

    job: str
    reason: str


@dataclass(frozen=True, slots=True)
class Prioritise:
    """Change a job's place in the queue.

    Attributes:
        job: Its key.
        priority: Larger first.
    """

    job: str
    priority: float


Errand: TypeAlias = Cancel | Prioritise


def job_priority(entry: Entry, recipe: Recipe, level: Level, ladder: Ladder) -> float:
    """Return the place in the queue of a ROI's job.

    An error bar is not lifted by the operator's pick: another ROI's first answer comes before it.
    """
    lifted = FIRST if entry.wish == "first" and recipe != BAR else 0.0
    return entry.base + ladder.lift(recipe, level) + lifted - (DEMOTED if entry.stale else 0.0)


def on_wish(entry: Entry, ladder: Ladder) -> Iterator[Errand]:
    """Yield what follows for a ROI's jobs from what the operator said."""
    for record in entry.open_jobs:
        if entry.wish == "never":
            yield Cancel(record.key, f"{WITHDRAWN}dismissed by the operator.")
        else:
            yield _placed(entry, record, ladder)


def on_stale(entry: Entry, ladder: Ladder, stale_jobs: StaleJobs) -> Iterator[Errand]:
    """Yield what follows for a ROI's waiting jobs when it has gone, or is back."""
    for record in entry.open_jobs:
        if record.state == "running" or stale_jobs == "keep":
            continue
        if entry.stale and stale_jobs == "cancel":
            yield Cancel(record.key, f"{WITHDRAWN}the defect is not there any more.")
        else:
            yield _placed(entry, record, ladder)


def _placed(entry: Entry, record: JobRecord, ladder: Ladder) -> Prioritise:
    spec = record.spec
    return Prioritise(record.key, job_priority(entry, spec.recipe, spec.level, ladder))
