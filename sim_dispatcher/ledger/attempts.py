"""What a job's attempts came to and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field

from shared.messages.base import Part, Text
from sim_dispatcher.failures import FailureKind

__all__ = ["ATTEMPTS_KEPT", "NOTHING_SPENT", "Attempt", "Failure", "Spent"]

ATTEMPTS_KEPT: Final = 32
"""Attempts remembered one by one; of older ones only the counts and the cost are kept."""


@dataclass(frozen=True)
class Spent:
    """What an attempt cost.

    Attributes:
        wall_s: From its claim to its end, s.
        cpu_s: Of the engine and the programs that it ran, s.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0

    def counted(self) -> dict[str, float]:
        """Return what to add to a record's totals."""
        return {"spent_wall_s": self.wall_s, "spent_cpu_s": self.cpu_s}


NOTHING_SPENT: Final = Spent()


@dataclass(frozen=True)
class Failure:
    """How an attempt ended without a result.

    Attributes:
        kind: As the policy calls it.
        reason: What went wrong.
        remedy: What to do about it.
        spent: What it cost.
    """

    kind: FailureKind
    reason: str
    remedy: str
    spent: Spent = NOTHING_SPENT

    def as_document(self, what: str, token: int, worker: str | None, at_ns: int) -> dict[str, Any]:
        """Return the line that the record keeps of it.

        Args:
            what: What the next attempt does differently.
            token: Fencing token of the claim.
            worker: The launcher.
            at_ns: Now.
        """
        attempt = Attempt(
            token=token,
            worker=worker,
            kind=self.kind,
            reason=self.reason[:500],
            next=what[:500],
            wall_s=self.spent.wall_s,
            cpu_s=self.spent.cpu_s,
            at_ns=at_ns,
        )
        return attempt.model_dump(mode="json")


class Attempt(Part):
    """An attempt that was followed by another."""

    token: Annotated[int, Field(ge=0)]
    worker: str | None
    kind: FailureKind
    reason: Text
    next: Text
    """What the attempt after it does differently."""
    wall_s: Annotated[float, Field(ge=0)]
    cpu_s: Annotated[float, Field(ge=0)]
    at_ns: int
