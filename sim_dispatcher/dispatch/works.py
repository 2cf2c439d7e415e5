"""The works: everything that touches the database or takes long, in one thread beside the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from shared.clock import Clock
from shared.errors import AtomLoopError, DatabaseError
from shared.messages import OrderOutcome
from sim_dispatcher.board import (
    Board,
    Candidate,
    Conduct,
    Cut,
    Entry,
    Memo,
    Memory,
    Prioritise,
    Remembered,
    Step,
    job_priority,
)
from sim_dispatcher.dispatch.answers import trust_between
from sim_dispatcher.dispatch.containment import contained
from sim_dispatcher.dispatch.cutting import cut_out
from sim_dispatcher.dispatch.specification import specify
from sim_dispatcher.ledger import DatabaseAwayError, JobRecord, Ledger

__all__ = ["Works"]

_log = structlog.get_logger(__name__)
R = TypeVar("R")


class Works:
    """Carries out what the board decides.

    Args:
        conduct: What the operator decided.
        board: The ROIs; touched from the loop alone.
        ledger: Where jobs go and results come from.
        memory: Where the board survives.
        clock: Dates the jobs.

    Attributes:
        trouble: Why the database is not to be had; None while it is.
    """

    def __init__(
        self, conduct: Conduct, board: Board, ledger: Ledger, memory: Memory, clock: Clock
    ) -> None:
        self._conduct = conduct
        self._board = board
        self._ledger = ledger
        self._memory = memory
        self._clock = clock
        self._unsaved: dict[str, Memo] = {}
        self._hopeless: set[str] = set()
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._mender = ThreadPoolExecutor(1, "mender")
        self.trouble: str | None = None

    def close(self) -> None:
        """Let go of the threads; what they do now they finish."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._mender.shutdown(wait=False, cancel_futures=True)

    # --- reading ----------------------------------------------------------------------------

    async def changes(self, since: int) -> list[JobRecord]:
        """Return the records that changed after a revision; none while the database is away."""
        return await self.blocking(self._ledger.changes, since) or []

    async def reconcile(self) -> None:
        """Mend what crashes left behind, in a thread of its own: no order waits for it."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._mender, self._ledger.reconcile)
        except DatabaseError as error:
            _log.error("not reconciled", reason=str(error))

    async def recall(self, session: str | None) -> Remembered | None:
        """Return a sitting as it was left.

        Args:
            session: Its name; None for the one written last.

        Raises:
            DatabaseError: The database is away: going on would name known defects anew.
        """
        if session is None:
            return await self.in_thread(self._memory.latest)
        return await self.in_thread(self._memory.recall, session)

    # --- what the board decides -------------------------------------------------------------

    async def save(self, *, touched: bool = False) -> bool:
        """Write what the board has to remember; False where it could not be written.

        Args:
            touched: Whether what was merely seen again is written, too.
        """
        for memo in self._board.unsaved(touched=touched):
            self._unsaved[memo.track.key] = memo
        if not self._unsaved:
            return True
        memos = list(self._unsaved.values())
        if not await self._done(self._memory.save, memos):
            return False
        self._unsaved.clear()
        return True

    async def save_sitting(self, outcomes: tuple[OrderOutcome, ...]) -> None:
        """Write what concerns the sitting as a whole."""
        session, paused = self._board.session, self._board.paused
        if session is not None:
            await self._done(lambda: self._memory.save_sitting(session, outcomes, paused=paused))

    async def begin(self, candidate: Candidate) -> bool:
        """Cut a ROI out, or have the board note why not.

        Returns:
            Whether its jobs can be submitted.
        """
        key = candidate.track.key
        try:
            with contained(f"Cutting {key}"):
                cut = await self.in_thread(self._cut, key)
        except AtomLoopError as error:
            self._board.refuse(key, str(error))
        else:
            self._board.start(key, cut, candidate.priority)
            return True
        return False

    async def submit_due(self) -> list[JobRecord]:
        """Submit every job that picked ROIs lack; their cuts are remembered first.

        Returns:
            The jobs, as they stand now.
        """
        steps = list(self._board.steps())
        submitted: list[JobRecord] = []
        if not steps or not await self.save():
            return submitted
        for entry, cut, step in steps:
            record = await self._submitted(entry, cut, step)
            if record is not None:
                self._board.update(record)
                submitted.append(record)
            elif self.trouble is not None:
                break
        return submitted

    async def _submitted(self, entry: Entry, cut: Cut, step: Step) -> JobRecord | None:
        """Submit one step; None while the database is away, and where its key is taken."""
        key = step.key(entry.key)
        if key in self._hopeless:
            return None
        try:
            return await self.blocking(self._submit, entry, cut, step)
        except DatabaseError as error:
            _log.error("job refused", job=key, reason=str(error))
            self._hopeless.add(key)
            return None

    async def run_errands(self) -> None:
        """Tell the ledger of jobs to be ended or to be placed elsewhere in the queue."""
        for errand in self._board.errands():
            if isinstance(errand, Prioritise):
                await self._done(self._ledger.prioritise, errand.job, errand.priority)
            else:
                await self.cancel_quietly(errand.job, errand.reason)

    async def compare(self, upper: JobRecord, lower: JobRecord) -> None:
        """Have the board note what two levels say differently."""
        trust = await self.in_thread(trust_between, upper, lower)
        if trust is not None and upper.spec.roi in self._board:
            self._board.trust(upper.spec.roi, upper.key, trust)

    # --- the desk's hands -------------------------------------------------------------------

    async def cut(self, key: str) -> Cut:
        """Cut a ROI out, or return the cut that it has.

        Raises:
            AtomLoopError: It cannot be cut.
        """
        known = self._board[key].cut
        if known is not None:
            return known
        return await self.in_thread(self._cut, key)

    async def adopt(self, entry: Entry, cut: Cut) -> None:
        """Have a ROI computed from a cut, unless it is computed already; remembered at once."""
        if entry.cut is None:
            self._board.start(entry.key, cut, entry.priority)
        await self.save()

    async def submit(self, entry: Entry, cut: Cut, step: Step) -> JobRecord:
        """Have a step of a ROI computed; what it is about is remembered first.

        Raises:
            DatabaseError: The database is away.
        """
        await self.adopt(entry, cut)
        record = await self.in_thread(self._submit, entry, cut, step)
        self._board.update(record)
        return record

    async def cancel(self, job: str, reason: str) -> JobRecord | None:
        """End a job; None where it is not known.

        Raises:
            DatabaseError: The database is away.
        """
        record = await self.in_thread(self._ledger.cancel, job, reason)
        if record is not None:
            self._board.update(record)
        return record

    async def cancel_quietly(self, job: str, reason: str) -> None:
        """End a job; while the database is away the operator is told so."""
        record = await self.blocking(self._ledger.cancel, job, reason)
        if record is not None:
            self._board.update(record)

    # --- the thread -------------------------------------------------------------------------

    def _cut(self, key: str) -> Cut:
        track = self._board.track(key)
        return cut_out(track, self._board.scenes.get(track.last.frame), self._conduct)

    def _submit(self, entry: Entry, cut: Cut, step: Step) -> JobRecord:
        priority = job_priority(entry, step.recipe, step.level, self._conduct.ladder)
        spec = specify(entry.key, cut, step, priority, self._clock.wall_ns())
        return self._ledger.submit(spec)

    async def blocking(self, call: Callable[..., R], *args: object) -> R | None:
        """Call the database; None while it is away, which the operator is told."""
        try:
            result = await self.in_thread(call, *args)
        except DatabaseAwayError as error:
            self._note(str(error))
            return None
        self.trouble = None
        return result

    async def in_thread(self, call: Callable[..., R], *args: object) -> R:
        """Call something in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    async def _done(self, call: Callable[..., None], *args: object) -> bool:
        """Call the database; False while it is away."""

        def calling() -> bool:
            call(*args)
            return True

        return await self.blocking(calling) is not None

    def _note(self, trouble: str) -> None:
        if trouble != self.trouble:
            _log.error("database trouble", reason=trouble)
        self.trouble = trouble[:500]
