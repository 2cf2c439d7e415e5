"""The wiring of a running dispatcher: ledger, board and link in one asyncio loop."""

from __future__ import annotations

import asyncio
import signal

import structlog

from shared.clock import Clock
from shared.protocol import Identity, Inbox, Link, Outbox
from shared.software import fresh_stream, software
from shared.transport import LinkClient, open_endpoint
from sim_dispatcher.batch.routing import BatchRouter
from sim_dispatcher.board import Board
from sim_dispatcher.dispatch import Dispatch
from sim_dispatcher.launch.assembly import open_ledger
from sim_dispatcher.levels.registry import level_reports
from sim_dispatcher.selection import Rules
from sim_dispatcher.settings import DispatcherSettings

__all__ = ["dispatch"]

_log = structlog.get_logger(__name__)


async def dispatch(settings: DispatcherSettings, clock: Clock) -> None:
    """Dispatch until SIGTERM or Ctrl-C.

    Raises:
        AtomLoopError: A key is missing, or the database is away or would mislaunch.
    """
    endpoint = open_endpoint(settings.link, "sim-dispatcher")
    chosen = settings.selection
    ledger = await asyncio.to_thread(
        open_ledger,
        settings.database.uri,
        settings.launch.key_file,
        clock,
        settings.database.name,
        BatchRouter(settings.batch),
    )
    identity = Identity("dispatcher", settings.link.name, software(), fresh_stream("dispatcher"))
    link = Link(identity, Outbox(1024, 64 << 20), Inbox())
    board = Board(Rules(chosen.min_p, chosen.min_frames, chosen.max_rois), chosen.radius_A)
    here = (each.name for each in level_reports() if each.unavailable is None)
    levels = tuple(dict.fromkeys(here))
    worker = Dispatch(chosen, board, ledger, link, levels, clock)
    client = LinkClient(endpoint, link, clock, worker.on_event)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    _log.info("dispatching", levels=levels, endpoint=settings.link.endpoint)
    async with asyncio.TaskGroup() as duties:
        running = [
            duties.create_task(client.run()),
            duties.create_task(worker.run(client.wake)),
        ]
        await stop.wait()
        _log.info("stopping")
        for task in running:
            task.cancel()
