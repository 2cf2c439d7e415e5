"""What a launcher and its engine process say to each other: one JSON document per line."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from shared.messages.base import Part
from sim_dispatcher.ledger import JobAnswer, JobProgress, JobSpec

__all__ = [
    "ENGINE_MESSAGES",
    "EngineAnswer",
    "EngineFailure",
    "EngineMessage",
    "EngineOrder",
    "EngineProgress",
]


class EngineOrder(Part):
    """Compute this."""

    spec: JobSpec
    folder: str
    """The job's own folder, where the engine works and leaves its log."""


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


EngineMessage = EngineProgress | EngineAnswer | EngineFailure

ENGINE_MESSAGES: TypeAdapter[EngineMessage] = TypeAdapter(
    Annotated[EngineMessage, Field(discriminator="kind")]
)
"""Reads a line that the engine wrote."""
