"""The dispatcher at work: atoms and orders in, jobs to the ledger, states and answers back."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from shared.clock import Clock
from shared.codec import Envelope
from shared.errors import AtomLoopError, DatabaseError
from shared.messages import Atoms, DispatcherStatus, Order
from shared.protocol import Delivered, Event, Link, LinkDown, LinkUp
from sim_dispatcher.board import BAR, Board, Conduct, Entry, Memory, Remembered
from sim_dispatcher.dispatch.answers import answer_of
from sim_dispatcher.dispatch.containment import contained
from sim_dispatcher.dispatch.desk import Desk, Reach
from sim_dispatcher.dispatch.outgoing import PROGRESS_S, Outgoing
from sim_dispatcher.dispatch.works import Works
from sim_dispatcher.ledger import FINAL, JobRecord, Ledger
from sim_dispatcher.ledger.bell import Bell
from sim_dispatcher.selection import Track, open_scene, random_patch

__all__ = ["Dispatch", "Surroundings"]

_log = structlog.get_logger(__name__)

BELL_POLL_S: Final = 1.0
"""Between looks at the ledger while jobs are open and launchers here ring; others may not."""

BLIND_POLL_S: Final = 0.25
"""The same where no bell could be hung."""

IDLE_POLL_S: Final = 5.0
"""The same while no job is open: only somebody else's could change."""

STATUS_S: Final = 1.0
TOUCH_S: Final = 30.0
"""Between writes of how often and where each ROI was seen; what matters more is written at once."""

RECONCILE_S: Final = 30.0


@dataclass(frozen=True)
class Surroundings:
    """What a dispatcher works with.

    Attributes:
        ledger: Where jobs go and results come from.
        memory: Where the board survives.
        link: The conversation with the inference service.
        bell: Rung by launchers on this host.
        clock: Time.
        levels: Levels of theory this host can run, for the operator.
        fixed: Those of them whose bonds cannot change.
        elsewhere: Further levels that launchers on other hosts run.
        most_atoms: Largest system of each level here.
    """

    ledger: Ledger
    memory: Memory
    link: Link
    bell: Bell
    clock: Clock
    levels: tuple[str, ...]
    fixed: frozenset[str] = frozenset()
    elsewhere: tuple[str, ...] = ()
    most_atoms: Mapping[str, int] = field(default_factory=dict)


class Dispatch:
    """Runs selection, submission and reporting in one asyncio loop.

    Args:
        conduct: What the operator decided about sessions.
        at_once: ROIs whose first answers wait or run at a time.
        around: What it works with.
    """

    def __init__(self, conduct: Conduct, at_once: int, around: Surroundings) -> None:
        self._conduct = conduct
        self._at_once = at_once
        self._around = around
        self._link = around.link
        self._clock = around.clock
        self._board = Board(conduct)
        self._works = Works(conduct, self._board, around.ledger, around.memory, around.clock)
        reach = Reach(
            levels=frozenset({*around.levels, *around.elsewhere}),
            fixed=around.fixed,
            top=conduct.ladder.top,
            most_atoms=around.most_atoms,
        )
        self._desk = Desk(self._board, self._works, reach, around.clock)
        self._outgoing = Outgoing(around.link.outbox)
        self._orders: deque[Envelope] = deque()
        self._frames: deque[Envelope] = deque()
        self._awake = asyncio.Event()
        self._wake: Callable[[], None] = lambda: None
        self._revision: int | None = None
        self._look_s = self._save_s = self._status_s = float("-inf")
        self._told_jobs: dict[str, tuple[object, object]] = {}
        self._told_answers: dict[str, tuple[object, object]] = {}

    def on_event(self, event: Event) -> None:
        """Take an event of the link, in the loop."""
        match event:
            case LinkUp():
                _log.info("link up", peer=event.peer, software=event.software)
                self._repeat()
            case LinkDown():
                _log.warning("link down", reason=event.reason, remedy=event.remedy or "none needed")
            case Delivered():
                urgent = isinstance(event.envelope.message, Order)
                (self._orders if urgent else self._frames).append(event.envelope)
            case _:
                return
        self._awake.set()

    async def run(self, wake: Callable[[], None]) -> None:
        """Work until cancelled.

        Args:
            wake: Tells the link that something is ready to be sent.
        """
        self._wake = wake
        self._around.bell.hang(self._ring)
        try:
            async with asyncio.TaskGroup() as duties:
                duties.create_task(self._mend())
                duties.create_task(self._work())
        finally:
            self._around.bell.take_down()
            self._works.close()

    async def _work(self) -> None:
        """Go on where an earlier run was left, then do what is due whenever something is."""
        await self._remember()
        while True:
            wait_s = await self._round()
            self._wake()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):  # wait_for of 3.11 may swallow a cancellation
                    await self._awake.wait()
            self._awake.clear()

    # --- one round --------------------------------------------------------------------------

    async def _round(self) -> float:
        """Do what is due; return how long nothing else will be, s."""
        now_s = self._clock.monotonic_s()
        while self._orders or self._frames:  # no order waits behind a frame
            await self._receive((self._orders or self._frames).popleft())
        if now_s >= self._look_s:
            await self._collect()
        await self._start()
        if now_s - self._save_s >= TOUCH_S:
            self._save_s = now_s
            await self._works.save(touched=True)
        await self._works.save()
        self._tell()
        now_s = self._clock.monotonic_s()
        if now_s - self._status_s >= STATUS_S:
            self._status_s = now_s
            self._link.post(self._status())
        until_s = min(self._look_s, self._status_s + STATUS_S)
        if self._outgoing.delayed:
            until_s = min(until_s, now_s + PROGRESS_S)
        return max(until_s - now_s, 0.0)

    async def _mend(self) -> None:
        """Have the ledger mended now and then."""
        while True:
            await self._works.reconcile()
            await asyncio.sleep(RECONCILE_S)

    def _ring(self) -> None:
        self._look_s = float("-inf")
        self._awake.set()

    async def _remember(self) -> None:
        """Go on where an earlier run was left, as soon as the database is there."""
        while True:
            with contextlib.suppress(DatabaseError):
                self._adopt(await self._works.recall(None))
                return
            self._works.trouble = "The database does not answer."
            self._link.post(self._status())
            await asyncio.sleep(BELL_POLL_S)

    def _adopt(self, known: Remembered | None) -> None:
        if known is None:
            return
        self._board.begin(known.session, known.memos)
        self._board.paused = known.paused or self._board.paused
        self._desk.restore(known.outcomes)
        self._revision = None
        self._look_s = float("-inf")
        self._told_jobs.clear()
        self._told_answers.clear()
        _log.info("session", name=known.session, rois=len(known.memos))

    # --- what comes in ----------------------------------------------------------------------

    async def _receive(self, envelope: Envelope) -> None:
        message = envelope.message
        try:
            with contained(f"Taking in a {type(message).__name__}"):
                if isinstance(message, Atoms):
                    await self._observe(message, envelope)
                elif isinstance(message, Order):
                    await self._obey(message)
        except AtomLoopError as error:
            _log.error("message not taken in", reason=str(error))
        if envelope.seq:
            self._link.done(envelope.seq)

    async def _observe(self, atoms: Atoms, envelope: Envelope) -> None:
        scene = open_scene(atoms, envelope)
        if atoms.session != self._board.session:
            self._adopt(await self._works.recall(atoms.session))
            await self._works.save_sitting(self._desk.outcomes)
        self._board.observe(scene)
        wanted = self._board.wants_patch
        patch = random_patch(scene, self._conduct.radius_A) if wanted else None
        if patch is not None and wanted == "yardstick":
            self._board.measure(patch)
        elif patch is not None:
            self._board.add(Track(f"random-{patch.frame[:12]}", patch, origin="random"))

    async def _obey(self, order: Order) -> None:
        outcome = await self._desk.carry_out(order)
        _log.info("order", id=order.id, action=order.action, accepted=outcome.accepted)
        await self._works.run_errands()
        await self._works.save()
        await self._works.save_sitting(self._desk.outcomes)  # what is told has come to stay
        self._outgoing.tell(f"order {order.id}", outcome)
        self._tell()
        self._wake()

    async def _collect(self) -> None:
        """Read what changed in the ledger, and pass it on."""
        first = self._revision is None
        for record in await self._works.changes(self._revision or 0):
            self._revision = max(self._revision or 0, record.revision)
            await self._take_in(record, first=first)
        if self._works.trouble is None and self._revision is None:
            self._revision = 0
        waits = any(entry.open_jobs for entry in self._board.entries)
        self._look_s = self._clock.monotonic_s() + (self._poll_s if waits else IDLE_POLL_S)

    @property
    def _poll_s(self) -> float:
        """Time between looks at the ledger while jobs are open, s."""
        return BELL_POLL_S if self._around.bell.hangs else BLIND_POLL_S

    async def _take_in(self, record: JobRecord, *, first: bool) -> None:
        """Pass a record on; at first those of other sessions are none of ours."""
        roi = record.spec.roi
        if roi not in self._board:
            if not first:
                self._tell_job(record)
            return
        entry = self._board[roi]
        before = entry.jobs.get(record.key)
        self._board.update(record)
        if record.state == "done" and (before is None or before.state != "done"):
            await self._compare(entry)

    async def _compare(self, entry: Entry) -> None:
        """Note what the levels say differently, wherever that became known."""
        for upper in list(entry.jobs.values()):
            if upper.state != "done" or upper.key in entry.trusts:
                continue
            lower = entry.below(upper, self._conduct.ladder.levels)
            if lower is not None:
                await self._works.compare(upper, lower)

    # --- what is started --------------------------------------------------------------------

    async def _start(self) -> None:
        while self._works.trouble is None:
            best = self._board.candidates(self._at_once - self._board.active)[:1]
            if not best:
                break  # one at a time: each pick makes those like it less novel
            if await self._works.begin(best[0]):
                _log.info("roi picked", roi=best[0].track.key)
                await self._submit_due()  # before the next is cut: the first answer never waits
        await self._submit_due()
        await self._works.run_errands()

    async def _submit_due(self) -> None:
        if await self._works.submit_due():
            self._look_s = min(self._look_s, self._clock.monotonic_s() + self._poll_s)

    # --- what goes out ----------------------------------------------------------------------

    def _repeat(self) -> None:
        """Have everything told again: the service may have forgotten it."""
        self._board.mark_all()
        self._told_jobs.clear()
        self._told_answers.clear()

    def _tell(self) -> None:
        """Say what is new of ROIs, jobs and answers, as far as there is room."""
        for entry in self._board.entries:
            for record in entry.jobs.values():
                self._tell_job(record)
            self._tell_answers(entry)
        rois = self._board.changes(self._clock.wall_ns())
        self._outgoing.flush(rois, self._clock.monotonic_s())

    def _tell_job(self, record: JobRecord) -> None:
        """Tell where a job stands, if that is new: its state at once, its progress in its turn."""
        attempt = record.adjustments.attempt
        state = (record.state, attempt, record.reason)
        told = self._told_jobs.get(record.key)
        now = (state, (record.progress, record.worker))
        if told == now:
            return
        self._told_jobs[record.key] = now
        if told is None or told[0] != state:
            self._outgoing.tell(f"job {record.key}", record.as_job())
        else:
            self._outgoing.mention(f"job {record.key}", record.as_job())

    def _tell_answers(self, entry: Entry) -> None:
        """Tell the answers of a ROI that are new, or have gained an error bar or a comparison."""
        for record in entry.jobs.values():
            if record.state != "done" or record.result is None:
                continue
            if record.spec.recipe == BAR and entry.barred(record):
                continue
            bar, trust = entry.bar(record), entry.trusts.get(record.key)
            now = (None if bar is None else bar.key, trust)
            if self._told_answers.get(record.key) != now:
                self._told_answers[record.key] = now
                self._outgoing.tell(f"answer {record.key}", *answer_of(record, bar, trust))

    def _status(self) -> DispatcherStatus:
        states = [record.state for entry in self._board.entries for record in entry.jobs.values()]
        usage, limits = self._board.usage, self._board.limits
        trouble = self._works.trouble
        paused = "paused" if self._board.paused else "ready"
        return DispatcherStatus(
            state="degraded" if trouble else paused,
            detail=trouble,
            levels=self._around.levels,
            jobs_waiting=sum(state not in FINAL and state != "running" for state in states),
            jobs_running=states.count("running"),
            jobs_done=states.count("done"),
            jobs_failed=states.count("failed"),
            budget_jobs=max(limits.jobs - usage.jobs, 0),
            budget_cpu_h=None if limits.cpu_h is None else max(limits.cpu_h - usage.cpu_h, 0.0),
            used_cpu_h=usage.cpu_h,
        )
