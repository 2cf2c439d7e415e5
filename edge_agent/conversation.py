"""What the edge makes of its link's events: progress, trouble, and when to give up."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import urlsplit

import structlog

from edge_agent.intake import Intake
from shared.clock import Clock
from shared.errors import KeyRefusedError
from shared.messages import AckLevel, Frame
from shared.protocol import Acknowledged, Delivered, Event, Link, LinkDown, LinkUp, Rejected

__all__ = ["Conversation", "is_listening"]

_CHECK_S: Final = 0.2
_PROBE_TIMEOUT_S: Final = 2.0
_log = structlog.get_logger(__name__)


class Conversation:
    """Listens to a link on behalf of an intake.

    Args:
        link: The conversation with the service.
        intake: Told when frames are released or rejected.
        clock: Time.
    """

    def __init__(self, link: Link, intake: Intake, clock: Clock) -> None:
        self._link = link
        self._intake = intake
        self._clock = clock
        self._trouble: LinkDown | None = None
        self._once_up = False
        self._drained = asyncio.Event()

    def on_event(self, event: Event) -> None:
        """Take an event of the link, in its loop."""
        match event:
            case LinkUp():
                self._once_up, self._trouble = True, None
                _log.info("link up", peer=event.peer, software=event.software)
            case LinkDown():
                self._on_down(event)
            case Acknowledged():
                self._on_acknowledged(event)
            case Rejected(message=Frame() as frame, reason=reason):
                self._intake.rejected(frame, reason)
            case Delivered() if event.envelope.seq:
                self._link.done(event.envelope.seq)
            case Delivered():
                pass

    async def drained(self) -> None:
        """Wait until every accepted frame is answered."""
        while len(self._link.outbox):
            self._drained.clear()
            await self._drained.wait()

    async def watch(self, endpoint: str, patience_s: float) -> None:
        """Give up on a service that answers but refuses; one that is away is waited for.

        Only the first handshake is watched: later trouble mends itself.

        Args:
            endpoint: Where the link dials, ``tcp://host:port``.
            patience_s: How long an answering service may refuse, s; 0 = for ever.

        Raises:
            KeyRefusedError: Something listens there and goes on refusing.
        """
        since = self._clock.monotonic_s()
        while not self._once_up:
            await asyncio.sleep(_CHECK_S)
            trouble = self._trouble
            if trouble is None or not patience_s or not await is_listening(endpoint):
                since = self._clock.monotonic_s()
            elif self._clock.monotonic_s() - since > patience_s:
                raise KeyRefusedError(f"{trouble.reason}.", remedy=trouble.remedy)
        await asyncio.Event().wait()

    def _on_down(self, event: LinkDown) -> None:
        if event != self._trouble:
            _log.warning("link down", reason=event.reason, remedy=event.remedy or "none needed")
        self._trouble = event

    def _on_acknowledged(self, event: Acknowledged) -> None:
        if event.level >= AckLevel.INFERRED:
            _log.debug("frames answered", below=event.next_seq - 1, open=len(self._link.outbox))
        self._intake.released()
        if not len(self._link.outbox):
            self._drained.set()


async def is_listening(endpoint: str) -> bool:
    """Whether anything accepts connections at ``tcp://host:port``."""
    where = urlsplit(endpoint)
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT_S):
            _, writer = await asyncio.open_connection(where.hostname, where.port)
    except OSError:
        return False
    writer.close()
    return True
