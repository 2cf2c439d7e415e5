"""The life of a job as a table: which event leads from which state to which.

::

    reserved --workflow_seen--> staged --opened--> queued --claimed--> running --finished--> done
                                                     ^                    |
                                                     +-released, expired,-+---failed--> failed
                                                       retried
    every state before the end --cancelled--> cancelled

`done`, `failed` and `cancelled` are final: no event leads out of them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from shared.errors import LocalProtocolError
from shared.messages.simulation import JobState

__all__ = ["FINAL", "TRANSITIONS", "JobEvent", "advance", "sources"]


class JobEvent(StrEnum):
    """What may happen to a job."""

    WORKFLOW_SEEN = "workflow_seen"
    """Both inserts of its workflow are in the LaunchPad, in the staging category."""
    OPENED = "opened"
    """Its firework was moved to the category that a launcher serves."""
    CLAIMED = "claimed"
    """A launcher took it, with a fencing token of its own."""
    FINISHED = "finished"
    """The launcher that holds the token returned a result."""
    FAILED = "failed"
    """It ended without a result, for a reason."""
    RELEASED = "released"
    """Its launcher gave it back unfinished."""
    EXPIRED = "expired"
    """Its launcher stopped beating."""
    RETRIED = "retried"
    """It ended without a result, and the policy has another attempt for it."""
    CANCELLED = "cancelled"
    """The operator, or the dispatcher's selection, withdrew it."""


FINAL: Final[frozenset[JobState]] = frozenset({"done", "failed", "cancelled"})
"""States that no event leaves."""

TRANSITIONS: Final[dict[tuple[JobState, JobEvent], JobState]] = {
    ("reserved", JobEvent.WORKFLOW_SEEN): "staged",
    ("reserved", JobEvent.FAILED): "failed",
    ("reserved", JobEvent.CANCELLED): "cancelled",
    ("staged", JobEvent.OPENED): "queued",
    ("staged", JobEvent.FAILED): "failed",
    ("staged", JobEvent.CANCELLED): "cancelled",
    ("queued", JobEvent.CLAIMED): "running",
    ("queued", JobEvent.FAILED): "failed",
    ("queued", JobEvent.CANCELLED): "cancelled",
    ("running", JobEvent.FINISHED): "done",
    ("running", JobEvent.FAILED): "failed",
    ("running", JobEvent.RELEASED): "queued",
    ("running", JobEvent.EXPIRED): "queued",
    ("running", JobEvent.RETRIED): "queued",
    ("running", JobEvent.CANCELLED): "cancelled",
}
"""Every legal step; a pair that is missing is illegal."""


def advance(state: JobState, event: JobEvent) -> JobState:
    """Return the state that an event leads to.

    Args:
        state: Where the job stands.
        event: What happened.

    Returns:
        The new state.

    Raises:
        LocalProtocolError: The event is illegal in that state.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise LocalProtocolError(
            f"A job that is {state} cannot be {event}.",
            remedy="Read the job's record again; another process has moved it on.",
        ) from None


def sources(event: JobEvent) -> list[JobState]:
    """Return the states in which an event is legal, for a compare-and-set on the record."""
    return [state for state, legal in TRANSITIONS if legal is event]
