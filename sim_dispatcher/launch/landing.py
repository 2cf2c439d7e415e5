"""What an attempt came to, in the policy's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sim_dispatcher.failures import Ending, FailureKind, classify
from sim_dispatcher.launch.flight import Flown
from sim_dispatcher.launch.orders import EngineFailure, EngineUnfinished
from sim_dispatcher.ledger import Failure, Spent

__all__ = ["Landed", "failure_of"]


@dataclass(frozen=True)
class Landed:
    """A flight that is over.

    Attributes:
        outcome: How it ended.
        launch: FireWorks' launch id.
        spent: What it cost.
        stopped: Whether it was told to end.
    """

    outcome: Flown
    launch: int
    spent: Spent
    stopped: bool


def failure_of(
    outcome: EngineFailure | EngineUnfinished | Literal["stopped"], landed: Landed
) -> Failure:
    """Return what an attempt without an answer came to."""
    spent = landed.spent
    if isinstance(outcome, EngineFailure):
        kind = classify(Ending(outcome.code, outcome.exit_code))
        return Failure(kind, outcome.reason, outcome.remedy, spent)
    reason = "Its launcher was stopped."
    if isinstance(outcome, EngineUnfinished):
        reason = f"It stopped at its checkpoint of step {outcome.step}."
        if not landed.stopped:
            return Failure(FailureKind.WALLTIME, reason, "Start it again.", spent)
    return Failure(FailureKind.INTERRUPTED, reason, "Start it again.", spent)
