"""The words of the live view: JSON events beside the binary frames, and what viewers answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from inference_service.order_desk import OrderRequest
from inference_service.session import Session
from inference_service.views import (
    AnswerView,
    JobView,
    OrderView,
    RoiView,
    StatusView,
    answer_view,
    job_view,
    order_view,
    roi_view,
)

__all__ = [
    "VIEWER_MESSAGE",
    "Asked",
    "Greeting",
    "Painted",
    "Pong",
    "Pulse",
    "Refusal",
    "Update",
    "ViewerMessage",
    "snapshot",
    "update",
]

SNAPSHOT_ENTRIES: Final = 500
"""Newest entries of each list a viewer gets when it connects; REST has the rest."""

SNAPSHOT_ORDERS: Final = 50
"""Newest orders a viewer gets when it connects."""


class Event(BaseModel):
    """One text message."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Greeting(Event):
    """First message of every connection."""

    type: Literal["greeting"] = "greeting"
    protocol: int = Field(description="Version byte of the binary messages.")
    started_at_ns: int = Field(description="Tells a restarted service, whose clocks are others.")
    window: int = Field(description="Frames that may be sent and not yet painted.")
    may_operate: bool = Field(description="Whether this viewer may order something.")


class Update(Event):
    """Entries that changed; each replaces the entry of the same key."""

    type: Literal["update"] = "update"
    reset: bool = Field(description="Forget every entry known before: this is the whole list.")
    revision: int
    rois: tuple[RoiView, ...]
    jobs: tuple[JobView, ...]
    answers: tuple[AnswerView, ...]
    orders: tuple[OrderView, ...]


class Refusal(Event):
    """An order of this viewer was not taken: nothing of it will happen."""

    type: Literal["refusal"] = "refusal"
    id: str | None = Field(description="The order's id, where it had one.")
    code: str = Field(description="Stable name of the reason.")
    detail: str
    remedy: str


class Pulse(Event):
    """About once a second: the state of everything, and a clock to measure ages against."""

    type: Literal["pulse"] = "pulse"
    now_s: float = Field(description="The service's monotonic clock when this was sent.")
    round_trip_s: float | None = Field(description="Of the previous pulse and its pong.")
    status: StatusView


class Painted(Event):
    """The viewer has dealt with so many frames since it connected: its credit."""

    type: Literal["painted"] = "painted"
    total: Annotated[int, Field(ge=0, lt=2**53)]


class Pong(Event):
    """The viewer returns the clock of the last pulse."""

    type: Literal["pong"] = "pong"
    now_s: float


class Asked(Event):
    """The viewer asks the dispatcher for something."""

    type: Literal["order"] = "order"
    order: OrderRequest


ViewerMessage: TypeAlias = Annotated[Painted | Pong | Asked, Field(discriminator="type")]
"""Everything a viewer may say."""

VIEWER_MESSAGE: Final[TypeAdapter[ViewerMessage]] = TypeAdapter(ViewerMessage)


def snapshot(session: Session) -> Update:
    """Return the lists a viewer starts from, oldest change first.

    Args:
        session: The live session.
    """
    return Update(
        reset=True,
        revision=session.revision,
        rois=tuple(roi_view(record) for record in reversed(session.rois()[:SNAPSHOT_ENTRIES])),
        jobs=tuple(job_view(session, job) for job in reversed(session.jobs()[:SNAPSHOT_ENTRIES])),
        answers=tuple(
            answer_view(record) for record in reversed(session.answers()[:SNAPSHOT_ENTRIES])
        ),
        orders=tuple(map(order_view, reversed(session.orders.all()[:SNAPSHOT_ORDERS]))),
    )


def update(session: Session, changed: Iterable[tuple[str, str]]) -> Update | None:
    """Return the present state of changed entries; None where none of them is listed.

    Args:
        session: The live session.
        changed: (kind, key) of each entry, as the mailbox remembers them.
    """
    keys: dict[str, list[str]] = {"roi": [], "job": [], "answer": [], "order": []}
    for kind, key in changed:
        keys.get(kind, []).append(key)
    rois = [record for key in keys["roi"] if (record := session.roi(key))]
    jobs = [job for key in keys["job"] if (job := session.job(key))]
    answers = [answer for key in keys["answer"] if (answer := session.answer(key))]
    orders = [order for key in keys["order"] if (order := session.orders.get(key))]
    if not (rois or jobs or answers or orders):
        return None
    return Update(
        reset=False,
        revision=session.revision,
        rois=tuple(map(roi_view, rois)),
        jobs=tuple(job_view(session, job) for job in jobs),
        answers=tuple(map(answer_view, answers)),
        orders=tuple(map(order_view, orders)),
    )
