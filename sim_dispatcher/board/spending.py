"""What the jobs of a session have cost, and what those under way will."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from sim_dispatcher.board.entry import Entry
from sim_dispatcher.ledger import FINAL, JobRecord
from sim_dispatcher.selection import Usage

__all__ = ["usage_of"]


def usage_of(entries: Collection[Entry], randoms: int) -> Usage:
    """Return what a session has used of its budget.

    Args:
        entries: Its ROIs.
        randoms: How many of those computed are random patches.
    """
    records = [record for entry in entries for record in entry.jobs.values()]
    return Usage(
        rois=sum(entry.picked for entry in entries),
        jobs=len(records),
        cpu_s=sum(map(_cpu_s, records)),
        expected_cpu_s=_expected_cpu_s(records),
        randoms=randoms,
    )


def _cpu_s(record: JobRecord) -> float:
    """Return the processor time of a job so far, s: of all its attempts, where they are known."""
    answered = record.result.cpu_s if record.result is not None else 0.0
    return max(record.spent_cpu_s, answered)


def _expected_cpu_s(records: Iterable[JobRecord]) -> float:
    """Return what the unfinished jobs will take, s.

    Each is taken to cost what the finished ones of its recipe and level did on average; one
    without example costs nothing, so that the first of a kind is always let through.
    """
    done: dict[tuple[str, str], list[float]] = defaultdict(list)
    due: list[tuple[tuple[str, str], float]] = []
    for record in records:
        kind = (record.spec.recipe, record.spec.level)
        if record.state == "done":
            done[kind].append(_cpu_s(record))
        elif record.state not in FINAL:
            due.append((kind, _cpu_s(record)))
    means = {kind: sum(costs) / len(costs) for kind, costs in done.items()}
    return sum(max(means.get(kind, 0.0) - spent, 0.0) for kind, spent in due)
