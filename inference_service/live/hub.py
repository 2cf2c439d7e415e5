"""The hub between the session and its viewers: one encoding per frame, one mailbox per viewer."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

from inference_service.admission import Admission
from inference_service.live.codec import encode_frame
from inference_service.live.events import Refusal
from inference_service.live.mailbox import Mailbox
from inference_service.live.pace import Pace
from inference_service.order_desk import OrderRefusedError, OrderRequest
from inference_service.readiness import Readiness
from inference_service.records import Change, FrameRecord
from inference_service.session import Session
from inference_service.views import StatusView, status_view

__all__ = ["LiveHub", "Viewer"]

UNANALYSED_AFTER_S: Final = 10.0
"""A frame without atoms is shown only where the last one with atoms is older than this."""

ENCODINGS_KEPT: Final = 3
"""Viewers of different speed want one of the newest few."""

ORDERS_AT_ONCE: Final = 10
ORDERS_PER_S: Final = 2.0
"""A person who clicks fast, not a page that runs wild."""

REFUSALS_KEPT: Final = 32
"""Refusals that wait for a slow viewer; the oldest is dropped for a new one."""


@dataclass(eq=False, slots=True)
class Viewer:
    """One connected live view."""

    mailbox: Mailbox
    heard_at_s: float
    """Monotonic instant of its last word."""
    admission: Admission
    pace: Pace
    refusals: deque[Refusal] = field(default_factory=lambda: deque(maxlen=REFUSALS_KEPT))
    """Orders that were not taken, to be told."""
    round_trip_s: float | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever something may be there to send."""


class LiveHub:
    """Tells every viewer what changed, and encodes each frame once for all of them.

    Args:
        session: The live session; subscribed to for good.
        readiness: State of the service's dependencies, shown once a second.
        window: Frames a viewer may have unpainted.
        max_viewers: Viewers at a time.
    """

    def __init__(
        self, session: Session, readiness: Readiness, *, window: int, max_viewers: int
    ) -> None:
        self.session: Final = session
        self.window: Final = window
        self._readiness = readiness
        self._max_viewers = max_viewers
        self._viewers: set[Viewer] = set()
        self._skipped_before = 0
        self._encodings: OrderedDict[int, asyncio.Future[bytes]] = OrderedDict()
        session.subscribe(self._on_change)

    @property
    def viewers(self) -> int:
        """Number of connected viewers."""
        return len(self._viewers)

    @property
    def skipped_total(self) -> int:
        """Frames not sent to a viewer because a newer one was there, over all viewers."""
        now = sum(viewer.mailbox.statistics.skipped for viewer in self._viewers)
        return self._skipped_before + now

    def attach(self, admission: Admission) -> Viewer | None:
        """Return a new viewer with the newest frame waiting; None where no more are taken.

        Args:
            admission: Who looks, and what they may do.
        """
        if len(self._viewers) >= self._max_viewers:
            return None
        now_s = self.session.now_s()
        pace = Pace(ORDERS_AT_ONCE, ORDERS_PER_S, now_s)
        viewer = Viewer(Mailbox(self.window), now_s, admission, pace)
        record = self.session.latest_analysed or self.session.latest
        if record is not None:
            viewer.mailbox.offer_frame(record)
        viewer.wake.set()
        self._viewers.add(viewer)
        return viewer

    def detach(self, viewer: Viewer) -> None:
        """Forget a viewer."""
        self._viewers.discard(viewer)
        self._skipped_before += viewer.mailbox.statistics.skipped

    def order(self, viewer: Viewer, request: OrderRequest) -> None:
        """Take a viewer's order, or have it told why not.

        Args:
            viewer: Who asks.
            request: What for.
        """
        try:
            self._check(viewer)
            self.session.orders.take(request, viewer.admission.who)
        except OrderRefusedError as error:
            refusal = Refusal(
                id=request.id, code=error.code, detail=error.message, remedy=error.remedy
            )
            viewer.refusals.append(refusal)
            viewer.wake.set()

    def _check(self, viewer: Viewer) -> None:
        """Refuse who may not order, or orders too often."""
        if not viewer.admission.may_operate:
            raise OrderRefusedError(
                f"The {viewer.admission.who} may look and order nothing.",
                remedy="Open an address made with the right to operate.",
            )
        if not viewer.pace.grant(self.session.now_s()):
            raise OrderRefusedError(
                f"More than {ORDERS_AT_ONCE} orders came at once.",
                remedy="Wait a second and ask again.",
            )

    def status(self) -> StatusView:
        """Return the state of the service now."""
        return status_view(self.session, self._readiness())

    async def encoded(self, record: FrameRecord) -> bytes:
        """Return a frame's message, made off the event loop and shared by all viewers.

        Args:
            record: The frame as it was offered.
        """
        future = self._encodings.get(record.revision)
        if future is None:
            future = asyncio.ensure_future(asyncio.to_thread(encode_frame, record))
            self._encodings[record.revision] = future
            while len(self._encodings) > ENCODINGS_KEPT:
                self._encodings.popitem(last=False)
        # One viewer's leaving must not cancel what the others wait for.
        return await asyncio.shield(future)

    def _on_change(self, change: Change) -> None:
        if change.kind in {"frame", "atoms", "failure"}:
            record = self.session.frame(change.key)
            if record is None or not self._is_worth_showing(record):
                return
            for viewer in self._viewers:
                viewer.mailbox.offer_frame(record)
                viewer.wake.set()
        else:
            for viewer in self._viewers:
                viewer.mailbox.offer_change(change)
                viewer.wake.set()

    def _is_worth_showing(self, record: FrameRecord) -> bool:
        """Tell whether a frame is to be the picture: the newest analysed one, as a rule."""
        analysed = self.session.latest_analysed
        if record.analysis is not None:
            return record is analysed
        if record is not self.session.latest:
            return False
        if record.failure is not None or analysed is None or analysed.analysis is None:
            return True
        return self.session.now_s() - analysed.analysis.at_s > UNANALYSED_AFTER_S
