"""The wiring of a running edge: source, session, outbox and link in one asyncio loop."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from edge_agent.conversation import Conversation
from edge_agent.identity import identity, session_name
from edge_agent.intake import Failure, Intake
from edge_agent.session import Session
from edge_agent.settings import EdgeSettings
from edge_agent.shutdown import Shutdown, first_of
from edge_agent.sources.base import FrameSource
from shared.clock import Clock
from shared.protocol import Inbox, Link, Outbox
from shared.transport import LinkClient, open_endpoint

__all__ = ["stream"]

_REPORT_S: Final = 1.0
_log = structlog.get_logger(__name__)


async def stream(source: FrameSource, settings: EdgeSettings, clock: Clock) -> tuple[Failure, ...]:
    """Stream a source until it ends and all is answered, or until a signal.

    Returns:
        The inputs that gave no atoms.

    Raises:
        AtomLoopError: The source gave up, or the service refuses this edge.
    """
    endpoint = open_endpoint(settings.link, "edge-agent")

    def wake() -> None:
        client.wake()

    session = Session(settings.session or session_name(clock.wall_ns()), source.describe())
    limits = settings.outbox
    outbox = Outbox(limits.max_frames, limits.max_bytes, newest_first=not source.pausable)
    link = Link(identity(settings.link.name), outbox, Inbox())
    intake = Intake(source, session, outbox, wake)
    conversation = Conversation(link, intake, clock)
    client = LinkClient(endpoint, link, clock, conversation.on_event)
    shutdown = Shutdown(intake.stop, settings.outbox.drain_s)
    _log.info("session started", session=session.name, source=source.describe())

    async def acquire() -> None:
        try:
            await intake.run()
            await first_of(conversation.drained(), shutdown.due())
        finally:
            account = session.status(len(outbox))
            link.post(account)
            _log.info("session ended", **account.model_dump(exclude_none=True))

    async def report() -> None:
        while True:
            link.post(session.status(len(outbox)))
            client.wake()
            await asyncio.sleep(_REPORT_S)

    with shutdown.on_signals():
        await first_of(
            acquire(),
            client.run(),
            report(),
            conversation.watch(settings.link.endpoint, settings.link.patience_s),
        )
    return tuple(intake.failures)
