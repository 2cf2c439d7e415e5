"""What follows when an attempt ends without a result: the policy, applied to the records."""

from __future__ import annotations

from typing import Literal

from shared.clock import Clock
from sim_dispatcher.failures import FailureKind, GiveUp, decide
from sim_dispatcher.ledger.attempts import NOTHING_SPENT, Failure, Spent
from sim_dispatcher.ledger.records import JobRecord
from sim_dispatcher.ledger.shelf import Shelf
from sim_dispatcher.ledger.states import JobEvent
from sim_dispatcher.ledger.workflows import Workflows

__all__ = ["Aftermath"]


class Aftermath:
    """Has jobs tried again, or fails them.

    Args:
        shelf: The records.
        workflows: The LaunchPad side.
        clock: Dates the attempts.
    """

    def __init__(self, shelf: Shelf, workflows: Workflows, clock: Clock) -> None:
        self._shelf = shelf
        self._workflows = workflows
        self._clock = clock

    def follow(
        self, record: JobRecord, failure: Failure, event: JobEvent
    ) -> Literal["retried", "failed"] | None:
        """Do what the policy says about a failure of a running job."""
        key, token = record.key, record.token
        words = (failure.reason, failure.remedy)
        verdict = decide(failure.kind, record.tries, record.spec.level, words)
        if isinstance(verdict, GiveUp):
            applied = self.fail(key, token, verdict.reason, verdict.remedy, failure.spent)
            return "failed" if applied else None
        moved = self._shelf.step(
            key,
            event,
            {"progress": None, "adjustments": verdict.adjustments.model_dump(mode="json")},
            holding={"token": token},
            counting={**failure.spent.counted(), f"tries.{failure.kind}": 1},
            attempt=failure.as_document(verdict.what, token, record.worker, self._clock.wall_ns()),
        )
        if moved is None:
            return None
        if moved.firework is not None:
            self._workflows.requeue(moved.firework)
        return "retried"

    def fail(
        self, key: str, token: int, reason: str, remedy: str, spent: Spent = NOTHING_SPENT
    ) -> bool:
        """Fail a running job; return whether the claim was still valid."""
        words = {"reason": reason[:500], "remedy": remedy[:500]}
        held, cost = {"token": token}, spent.counted()
        step = self._shelf.step(key, JobEvent.FAILED, words, holding=held, counting=cost)
        return step is not None

    def take_up_again(self, key: str, firework: int) -> bool:
        """Make the firework of a job ready that a launcher of ours had; False for any other."""
        record = self._shelf.get(key)
        if record is None or record.token == 0:
            return False
        kind = FailureKind.INTERRUPTED
        verdict = decide(kind, record.tries, record.spec.level, ("Its check-out failed.", ""))
        if isinstance(verdict, GiveUp):
            return False
        tries = {**record.tries, kind: record.tries.get(kind, 0) + 1}
        adjustments = verdict.adjustments.model_dump(mode="json")
        self._shelf.note(key, {"tries": tries, "adjustments": adjustments})
        self._workflows.requeue(firework)
        return True
