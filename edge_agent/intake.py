"""The way from the source's thread into the outbox: full means wait or skip, never forget.

A live source is never kept waiting: its frame is skipped and counted. A source that can wait is
asked for its next frame only when there is room. What was accepted stays in the outbox until the
service has acknowledged its atoms.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from edge_agent.preprocess import PreparedFrame, prepare
from edge_agent.session import Cause, Session
from edge_agent.sources.base import FrameSource, Offer, RawFrame, RefusedInput
from shared.errors import AtomLoopError
from shared.messages import Frame
from shared.protocol import Outbox

__all__ = ["Failure", "Intake"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """An input that gave no atoms.

    Attributes:
        origin: Its file name or acquisition id.
        reason: Cause and remedy.
    """

    origin: str
    reason: str


class Intake:
    """Drains a source into an outbox, inside one asyncio loop and one thread for the source.

    Args:
        source: Where frames come from; iterated in a thread of its own.
        session: Numbers and counts them.
        outbox: Where accepted ones go.
        wake: Called after each acceptance, in the loop.

    Attributes:
        failures: Inputs that could not be used, so far.
    """

    def __init__(
        self, source: FrameSource, session: Session, outbox: Outbox, wake: Callable[[], None]
    ) -> None:
        self.failures: list[Failure] = []
        self._source = source
        self._session = session
        self._outbox = outbox
        self._wake = wake
        self._room = asyncio.Event()
        self._stopping = False

    async def run(self) -> None:
        """Take everything the source offers, until it ends or `stop` is called.

        Raises:
            AtomLoopError: The source gave up.
        """
        loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._iterate, loop)
        except AtomLoopError as error:
            self._session.fail(str(error))
            raise
        finally:
            self.stop()
        self._session.follow(Cause.ENDED)

    def stop(self) -> None:
        """End acquisition; what was accepted stays in the outbox."""
        self._stopping = True
        self._room.set()
        self._source.close()

    def released(self) -> None:
        """Take note that the outbox has let frames go."""
        self._room.set()

    def rejected(self, frame: Frame, reason: str) -> None:
        """Take note that the service will never use a frame."""
        self._record(frame.acquisition.origin, reason)
        self._session.reject(reason)

    def _iterate(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run in the source's thread."""
        with contextlib.closing(self._source.frames()) as offers:
            for offer in offers:
                if self._stopping:
                    return
                step = self._take(offer, _prepared(offer))
                asyncio.run_coroutine_threadsafe(step, loop).result()

    async def _take(self, offer: Offer, outcome: PreparedFrame | AtomLoopError) -> None:
        if self._session.state == "starting":
            self._session.follow(Cause.STARTED)
        if isinstance(outcome, AtomLoopError):
            self._session.refuse(str(outcome))
            self._record(_origin(offer), str(outcome))
            return
        if isinstance(offer, RawFrame) and offer.missed:
            self._session.skip(offer.missed)
            _log.warning("frames missed", frames=offer.missed)
        if await self._has_room(len(outcome.payload)):
            self._accept(outcome)
        elif not self._stopping:
            self._session.skip()
            _log.warning("frame skipped", origin=_origin(offer), unacknowledged=len(self._outbox))

    def _accept(self, prepared: PreparedFrame) -> None:
        frame = self._session.accept(prepared)
        self._outbox.offer(frame, (prepared.payload,))
        _log.debug("frame accepted", index=frame.index, origin=frame.acquisition.origin)
        self._wake()

    async def _has_room(self, nbytes: int) -> bool:
        """Whether a payload may enter; a source that can wait is made to."""
        if self._outbox.has_room(nbytes) or not self._source.pausable:
            return self._outbox.has_room(nbytes)
        self._session.follow(Cause.HELD)
        while not self._outbox.has_room(nbytes) and not self._stopping:
            self._room.clear()
            await self._room.wait()
        self._session.follow(Cause.RELEASED)
        return self._outbox.has_room(nbytes)

    def _record(self, origin: str, reason: str) -> None:
        self.failures.append(Failure(origin, reason))
        _log.error("input refused", origin=origin, reason=reason)


def _prepared(offer: Offer) -> PreparedFrame | AtomLoopError:
    if isinstance(offer, RefusedInput):
        return offer.error
    try:
        return prepare(offer)
    except AtomLoopError as error:
        return error


def _origin(offer: Offer) -> str:
    return offer.acquisition.origin if isinstance(offer, RawFrame) else offer.origin
