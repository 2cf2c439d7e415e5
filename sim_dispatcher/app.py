"""The wiring of a running dispatcher: ledger, board and link in one asyncio loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from typing import Any, Final

import structlog
from pymongo import MongoClient

from shared.clock import Clock
from shared.protocol import Identity, Inbox, Link, Outbox
from shared.software import fresh_stream, software
from shared.transport import LinkClient, open_endpoint
from sim_dispatcher.batch.routing import BatchRouter
from sim_dispatcher.board import Conduct, Ladder, Memory
from sim_dispatcher.dispatch import Dispatch, Surroundings
from sim_dispatcher.launch.assembly import open_ledger
from sim_dispatcher.launch.launchpad import database_of
from sim_dispatcher.ledger.bell import Bell
from sim_dispatcher.levels.registry import known_levels
from sim_dispatcher.selection import Limits, Rules, Sharpness
from sim_dispatcher.settings import DatabaseSettings, DispatcherSettings

__all__ = ["conduct_of", "dispatch", "open_memory"]

PATIENCE_MS: Final = 5000
"""How long a database is looked for, unless its URI says so itself; as the ledger's client does."""

_log = structlog.get_logger(__name__)


async def dispatch(settings: DispatcherSettings, clock: Clock) -> None:
    """Dispatch until SIGTERM or Ctrl-C.

    Raises:
        AtomLoopError: A key is missing, or the database is away or would mislaunch.
    """
    endpoint = open_endpoint(settings.link, "sim-dispatcher")
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
    here = [level for level in known_levels() if level.unavailable() is None]
    around = Surroundings(
        ledger=ledger,
        memory=await asyncio.to_thread(open_memory, settings.database, clock),
        link=link,
        bell=Bell(settings.launch.folder),
        clock=clock,
        levels=tuple(dict.fromkeys(level.name for level in here)),
        fixed=frozenset(level.name for level in here if not level.can_react),
        elsewhere=settings.ladder.elsewhere,
        most_atoms={level.name: level.max_atoms for level in reversed(here)},
    )
    worker = Dispatch(conduct_of(settings, around.most_atoms), settings.selection.at_once, around)
    client = LinkClient(endpoint, link, clock, worker.on_event)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    _log.info("dispatching", levels=around.levels, endpoint=settings.link.endpoint)
    async with asyncio.TaskGroup() as duties:
        running = [
            duties.create_task(client.run()),
            duties.create_task(worker.run(client.wake)),
        ]
        await stop.wait()
        _log.info("stopping")
        for task in running:
            task.cancel()


def conduct_of(settings: DispatcherSettings, most_atoms: Mapping[str, int]) -> Conduct:
    """Return what the settings say of a session, as the board takes it.

    Args:
        settings: The settings tree.
        most_atoms: Largest system of each level on this host; the small cut fits the one named as
            high, or else all of them.
    """
    chosen, budget, ladder = settings.selection, settings.budget, settings.ladder
    dear = [most for level, most in most_atoms.items() if ladder.high in (None, level)]
    return Conduct(
        rules=Rules(
            sharpness=Sharpness(chosen.min_p, chosen.middling_p, chosen.max_blur_A),
            min_frames=chosen.min_frames,
            fresh_frames=chosen.fresh_frames,
            stale_frames=chosen.stale_frames,
            weigh_doubts=chosen.doubts == "lower",
        ),
        limits=Limits(budget.rois, budget.jobs, budget.cpu_h, budget.random_share),
        ladder=Ladder(
            levels=ladder.levels,
            error_bar=ladder.error_bar,
            high=ladder.high,
            bond_A=ladder.bond_A,
            rms_A=ladder.rms_A,
            small_atoms=min(dear, default=Ladder().small_atoms),
        ),
        radius_A=chosen.radius_A,
        changed_frames=chosen.changed_frames,
        reshaped_frames=chosen.reshaped_frames,
        frames_kept=chosen.frames_kept,
        stale_jobs=chosen.stale_jobs,
    )


def open_memory(settings: DatabaseSettings, clock: Clock) -> Memory:
    """Connect the board's memory to the ledger's database.

    Raises:
        DatabaseError: No server answers.
    """
    own = "serverselectiontimeoutms" in settings.uri.lower()
    patience: dict[str, Any] = {} if own else {"serverSelectionTimeoutMS": PATIENCE_MS}
    client = MongoClient[dict[str, Any]](settings.uri, **patience)
    memory = Memory(client, settings.name or database_of(settings.uri), clock)
    memory.prepare()
    return memory
