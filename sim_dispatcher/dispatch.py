"""The dispatcher at work: atoms in, jobs to the ledger, states and answers back to the operator."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import structlog
from blake3 import blake3

from shared.clock import Clock
from shared.codec import Envelope, decode_atoms
from shared.errors import AtomLoopError, DatabaseError, InternalError, ProtocolError
from shared.messages import Answer, Atoms, DispatcherStatus, Message, Provenance
from shared.protocol import Delivered, Event, Link, LinkDown, LinkUp
from sim_dispatcher.board import Board, Candidate
from sim_dispatcher.ledger import FINAL, JobRecord, JobSpec, Ledger
from sim_dispatcher.selection import sightings
from sim_dispatcher.settings import SelectionSettings
from sim_dispatcher.structure import Cluster, DetectedAtoms, build_cluster

__all__ = ["Dispatch"]

_log = structlog.get_logger(__name__)
R = TypeVar("R")

SCENES_KEPT: Final = 16
"""Frames whose atoms are kept for cutting; a defect last seen before is stale."""
ROUND_S: Final = 0.25
STATUS_S: Final = 1.0
RECONCILE_S: Final = 30.0
RUNG_PRIORITY: Final = 10.0
"""Every job of a quicker level comes before those of the next."""


class Dispatch:
    """Runs selection, submission and reporting in one asyncio loop; blocking work in a thread.

    Args:
        settings: What is selected and how it is computed.
        board: The session's ROIs.
        ledger: Where jobs go and results come from.
        link: The conversation with the inference service.
        levels: Levels of theory this host can run, for the operator.
        clock: Time.
    """

    def __init__(  # the composition root of the service hands in each part
        self,
        settings: SelectionSettings,
        board: Board,
        ledger: Ledger,
        link: Link,
        levels: tuple[str, ...],
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._board = board
        self._ledger = ledger
        self._link = link
        self._levels = levels
        self._clock = clock
        self._scenes: OrderedDict[str, DetectedAtoms] = OrderedDict()
        self._records: dict[str, JobRecord] = {}
        self._revision = 0
        self._pending: dict[str, tuple[Message, tuple[bytes, ...]]] = {}
        self._trouble: str | None = None
        self._thread = ThreadPoolExecutor(1, "ledger")

    def on_event(self, event: Event) -> None:
        """Take an event of the link, in the loop."""
        match event:
            case LinkUp():
                _log.info("link up", peer=event.peer, software=event.software)
                self._board.mark_all()
                for record in self._records.values():
                    self._report(record)
            case LinkDown():
                _log.warning("link down", reason=event.reason, remedy=event.remedy or "none needed")
            case Delivered():
                self._deliver(event.envelope)
            case _:
                pass

    async def run(self, wake: Callable[[], None]) -> None:
        """Work until cancelled.

        Args:
            wake: Tells the link that something is ready to be sent.
        """
        reconciled_s = told_s = float("-inf")
        try:
            while True:
                now_s = self._clock.monotonic_s()
                if now_s - reconciled_s >= RECONCILE_S:
                    reconciled_s = now_s
                    await self._blocking(self._ledger.reconcile)
                await self._collect()
                await self._start_next()
                self._tell()
                if now_s - told_s >= STATUS_S:
                    told_s = now_s
                    self._link.post(self._status())
                wake()
                await asyncio.sleep(ROUND_S)
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    # --- what comes in ----------------------------------------------------------------------

    def _deliver(self, envelope: Envelope) -> None:
        if isinstance(envelope.message, Atoms):
            try:
                self._observe(envelope.message, envelope)
            except ProtocolError as error:
                _log.warning("atoms refused", reason=str(error))
        if envelope.seq:
            self._link.done(envelope.seq)

    def _observe(self, atoms: Atoms, envelope: Envelope) -> None:
        table, defects = decode_atoms(atoms, envelope.payload)
        self._scenes[atoms.frame] = DetectedAtoms.from_table(table, atoms.pixel_size_A)
        while len(self._scenes) > SCENES_KEPT:
            self._scenes.popitem(last=False)
        self._board.observe(sightings(atoms, defects))

    async def _collect(self) -> None:
        for record in await self._blocking(self._ledger.changes, self._revision) or []:
            self._revision = max(self._revision, record.revision)
            known = self._records.get(record.key)
            self._records[record.key] = record
            self._board.update(record)
            if known is None or known.state != record.state:
                self._report(record)

    # --- what is started --------------------------------------------------------------------

    async def _start_next(self) -> None:
        for candidate in self._board.candidates(self._settings.at_once - self._board.active):
            key = candidate.track.key
            try:
                jobs = await self._in_thread(self._submit, candidate)
            except DatabaseError as error:
                self._note(str(error))
                return
            except AtomLoopError as error:
                self._board.refuse(key, str(error))
                continue
            except Exception as cause:  # noqa: BLE001 - one ROI must not stop the dispatcher
                _log.exception("cut failed", roi=key)
                self._board.refuse(key, str(InternalError(f"Cutting {key}", cause)))
                continue
            _log.info("roi queued", roi=key, jobs=[record.key for record in jobs])
            self._board.queue(key, candidate.priority)
            for record in jobs:
                self._board.update(record)

    def _submit(self, candidate: Candidate) -> list[JobRecord]:
        """Cut the cluster and submit one job per level, in the ledger's thread."""
        cluster = self._cut(candidate)
        return [
            self._ledger.submit(self._specify(candidate, cluster, rung))
            for rung in range(len(self._settings.levels))
        ]

    def _cut(self, candidate: Candidate) -> Cluster:
        sighting = candidate.track.last
        scene = self._scenes.get(sighting.frame)
        if scene is None:
            kind, index = candidate.track.type, sighting.frame_index
            raise StaleError(
                f"{kind} was last seen in frame {index}, too long ago.",
                remedy="It is picked again when it comes back into view.",
            )
        return build_cluster(scene, sighting.local_A, self._settings.radius_A)

    def _specify(self, candidate: Candidate, cluster: Cluster, rung: int) -> JobSpec:
        level = self._settings.levels[rung]
        sighting = candidate.track.last
        above = len(self._settings.levels) - 1 - rung
        return JobSpec(
            key=f"{candidate.track.key}-relax-{level}-{cluster.digest[:8]}",
            roi=candidate.track.key,
            recipe="relax",
            level=level,
            structure=cluster.extxyz(),
            charge=cluster.charge,
            unpaired=cluster.unpaired,
            priority=candidate.priority + RUNG_PRIORITY * above,
            frame=sighting.frame,
            model=sighting.model,
            created_at_ns=self._clock.wall_ns(),
        )

    # --- what goes out ----------------------------------------------------------------------

    def _report(self, record: JobRecord) -> None:
        """Queue the messages about a job; a newer one about the same job replaces an older."""
        self._pending[f"job {record.key}"] = (record.as_job(), ())
        if record.state == "done" and record.result is not None:
            structure = (record.structure or record.spec.structure).encode()
            self._pending[f"answer {record.key}"] = (_answer(record), (structure,))

    def _tell(self) -> None:
        outbox = self._link.outbox
        for roi in self._board.changes(self._clock.wall_ns()):
            if not outbox.has_room(0):
                return
            outbox.offer(roi)
        while self._pending:
            key, (message, payload) = next(iter(self._pending.items()))
            if not outbox.has_room(sum(map(len, payload))):
                return
            outbox.offer(message, payload)
            del self._pending[key]

    def _status(self) -> DispatcherStatus:
        states = [record.state for record in self._records.values()]
        return DispatcherStatus(
            state="degraded" if self._trouble else "ready",
            detail=self._trouble,
            levels=self._levels,
            jobs_waiting=sum(s not in FINAL and s != "running" for s in states),
            jobs_running=states.count("running"),
            jobs_done=states.count("done"),
            jobs_failed=states.count("failed"),
            budget_jobs=self._board.budget_left * len(self._settings.levels),
        )

    # --- the ledger's thread ----------------------------------------------------------------

    async def _blocking(self, call: Callable[..., R], *args: object) -> R | None:
        """Call the ledger; None while the database is away, which the operator is told."""
        try:
            result = await self._in_thread(call, *args)
        except DatabaseError as error:
            self._note(str(error))
            return None
        self._trouble = None
        return result

    async def _in_thread(self, call: Callable[..., R], *args: object) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    def _note(self, trouble: str) -> None:
        if trouble != self._trouble:
            _log.error("database trouble", reason=trouble)
        self._trouble = trouble[:500]


class StaleError(AtomLoopError):
    """A defect was picked after its frame was forgotten."""

    code = "stale"


def _answer(record: JobRecord) -> Answer:
    if record.result is None:
        raise ValueError(f"job {record.key} has no result")
    return Answer(
        roi=record.spec.roi,
        job=record.key,
        result=record.result,
        provenance=Provenance(
            frame=record.spec.frame,
            model=record.spec.model,
            structure=blake3(record.spec.structure.encode()).hexdigest(),
            software=record.software or "unknown",
        ),
        finished_at_ns=record.updated_at_ns,
    )
