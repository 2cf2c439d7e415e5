"""What a launcher and its engine process say to each other: one JSON document per line."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from shared.messages.base import Part
from sim_dispatcher.failures import Adjustments
from sim_dispatcher.ledger import JobAnswer, JobProgress, JobSpec

__all__ = [
    "CHECKPOINT_NAME",
    "ENGINE_MESSAGES",
    "EngineAnswer",
    "EngineFailure",
    "EngineMessage",
    "EngineOrder",
    "EngineProgress",
    "EngineUnfinished",
]

CHECKPOINT_NAME: Final = "checkpoint.npz"
"""File in the job's folder that keeps unfinished work. Where an order's folder has it, the engine
goes on from there; one that belongs to another calculation counts as absent."""


class EngineOrder(Part):
    """Compute this."""

    spec: JobSpec
    folder: str
    """The job's own folder, where the engine works and leaves its log and its checkpoint."""
    adjustments: Adjustments = Adjustments()
    """What this attempt does differently from the first."""
    max_wall_s: Annotated[float, Field(gt=0)] | None = None
    """Stop at a checkpoint before this much wall time has gone; beside what the job allows."""
    twins: str | None = None
    """Folder in which energies of pristine clusters outlive the process; None = nowhere."""


class EngineProgress(Part):
    """One step of the calculation."""

    kind: Literal["progress"] = "progress"
    progress: JobProgress


class EngineAnswer(Part):
    """The calculation's result."""

    kind: Literal["answer"] = "answer"
    answer: JobAnswer


class EngineFailure(Part):
    """The calculation ended without a result."""

    kind: Literal["failure"] = "failure"
    reason: str
    remedy: str
    code: str = "simulation"
    """Kind of error, as `AtomLoopError.code`; decides whether it is tried again."""
    exit_code: int | None = None
    """Of an engine that died; negative = the signal that ended it."""


class EngineUnfinished(Part):
    """The time was up, or SIGUSR1 asked for a stop: the work so far is kept.

    An order with the same specification, whose folder holds the checkpoint, goes on from there.
    """

    kind: Literal["unfinished"] = "unfinished"
    checkpoint: str
    """Path of the file."""
    step: Annotated[int, Field(ge=0)]
    """Steps that the checkpoint holds."""


EngineMessage = EngineProgress | EngineAnswer | EngineFailure | EngineUnfinished

ENGINE_MESSAGES: TypeAdapter[EngineMessage] = TypeAdapter(
    Annotated[EngineMessage, Field(discriminator="kind")]
)
"""Reads a line that the engine wrote."""
