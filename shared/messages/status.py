"""What each end tells the operator about itself, about once a second."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.messages.base import Message, Text

__all__ = ["DispatcherStatus", "EdgeStatus"]

Count = Annotated[int, Field(ge=0)]


class EdgeStatus(Message):
    """The edge's account of every frame it was offered."""

    kind: Literal["edge_status"] = "edge_status"
    source: Text
    """What it acquires from, in words."""
    state: Literal["starting", "acquiring", "paused", "finished", "failed"]
    detail: Text | None = None
    offered: Count
    """Frames the source produced."""
    accepted: Count
    """Frames taken into the outbox: none of these may be lost."""
    skipped: Count
    """Frames not taken because the outbox was full; counted, never silent."""
    unacknowledged: Count
    """Accepted frames whose atoms are not back yet."""
    refused: Count = 0
    """Frames or files refused with an error."""
    last_error: Text | None = None


class DispatcherStatus(Message):
    """The dispatcher's account of its queue and its means."""

    kind: Literal["dispatcher_status"] = "dispatcher_status"
    state: Literal["starting", "ready", "paused", "degraded", "failed"]
    detail: Text | None = None
    levels: tuple[Text, ...]
    """Levels of theory this host can run."""
    jobs_waiting: Count = 0
    jobs_running: Count = 0
    jobs_done: Count = 0
    jobs_failed: Count = 0
    budget_jobs: Count = 0
    """Jobs the session may still start."""
    budget_cpu_h: Annotated[float, Field(ge=0)] | None = None
    """CPU-hours the session may still use; None = not limited."""
    used_cpu_h: Annotated[float, Field(ge=0)] = 0.0
    """CPU-hours that finished jobs of the session took."""
