"""The feed: hands ready fireworks to Slurm, and looks after those that are there.

One process on a login node. What it knows it reads from the ledger, the LaunchPad and Slurm, so it
may be killed and started again at any time; two at once do no harm.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from pymongo import DESCENDING
from pymongo.errors import PyMongoError

from shared.clock import Clock
from sim_dispatcher.batch.routing import BatchRouter
from sim_dispatcher.batch.settings import BatchSettings
from sim_dispatcher.batch.slurm import Slurm, SlurmAwayError
from sim_dispatcher.batch.submission import Submission
from sim_dispatcher.batch.upkeep import Cancel, Duty, Free, Look, Lost, Move, Suspects, duties
from sim_dispatcher.failures import Ending, FailureKind, classify
from sim_dispatcher.launch.admission import Refused, admit
from sim_dispatcher.launch.refusal import refuse
from sim_dispatcher.launch.routing import BATCH
from sim_dispatcher.launch.signing import SigningKey
from sim_dispatcher.ledger import FINAL, DatabaseAwayError, Failure, JobRecord, Ledger

__all__ = ["Feed", "Parts"]

ROUND_S: Final = 0.1
RETRY_S: Final = 2.0
SUBMITTED_AT_ONCE: Final = 10
"""Jobs submitted before the ledger is looked at again: a cancel must not wait for a hundred."""
NOT_AGAIN_S: Final = 10.0
"""A firework that could not be submitted is left alone for so long."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Parts:
    """What a feed works with.

    Attributes:
        launchpad: From `open_launchpad`.
        ledger: The jobs' records.
        workflows: The LaunchPad side of the ledger.
        key: Checks signatures.
        slurm: The batch system.
        submission: FireWorks' submission.
    """

    launchpad: Any
    ledger: Ledger
    workflows: Any
    key: SigningKey
    slurm: Slurm
    submission: Submission


class Feed:
    """Submits, cancels, moves and brings back jobs.

    Args:
        parts: What it works with.
        settings: The section `[batch]`.
        clock: Paces the looks.
        submits: Whether it submits; `qlaunch` does where not.
    """

    def __init__(
        self, parts: Parts, settings: BatchSettings, clock: Clock, *, submits: bool = True
    ) -> None:
        self._parts = parts
        self._settings = settings
        self._clock = clock
        self._submits = submits
        self._router = BatchRouter(settings)
        self._revision = 0
        self._suspects: Suspects = frozenset()
        self._looked_s = float("-inf")
        self._in_slurm = 0
        self._left_alone: dict[int, float] = {}

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; Slurm or the database may be away for a while."""
        while not stop.is_set():
            try:
                self.step()
            except (PyMongoError, DatabaseAwayError, SlurmAwayError) as error:
                log.warning("waiting", reason=str(error)[:300])
                stop.wait(RETRY_S)
                continue
            stop.wait(ROUND_S)

    def step(self) -> None:
        """Act on what changed in the ledger, look at the queue when it is time, submit."""
        changed = self._parts.ledger.changes(self._revision)
        if self._looked_s > float("-inf"):  # before the first look all records are news
            self._react([record for record in changed if self._is_ours(record)])
        self._revision = max([self._revision, *(record.revision for record in changed)])
        now = self._clock.monotonic_s()
        if now - self._looked_s >= self._settings.look_s:
            self._looked_s = now
            self._look_after()
        if self._submits:
            self._submit_ready(now)

    # ------------------------------------------------------------------ what changed

    def _is_ours(self, record: JobRecord) -> bool:
        return self._router.route(record.spec).category == BATCH

    def _react(self, changed: Iterable[JobRecord]) -> None:
        """Cancel what was withdrawn, and move what was picked, without waiting for a look."""
        for record in changed:
            withdrawn = record.state in FINAL and record.state != "done"
            picked = record.state == "queued" and record.priority >= self._settings.urgent_priority
            if withdrawn or picked:
                look = Look(self._parts.slurm.jobs(record.key), {record.key: record})
                self._do(duties(look, frozenset(), self._router.queue)[0])

    # ------------------------------------------------------------------ what is in the queue

    def _look_after(self) -> None:
        """Compare Slurm, LaunchPad and ledger, and mend what disagrees."""
        jobs = self._parts.slurm.jobs()
        out = self._checked_out()
        names = {job.name for job in jobs} | out.keys()
        records = {name: record for name in names if (record := self._parts.ledger.get(name))}
        ours = [job for job in jobs if job.name in records]
        self._in_slurm = len(ours)
        look = Look(ours, records, out)
        found, self._suspects = duties(look, self._suspects, self._router.queue)
        self._do(found)

    def _checked_out(self) -> dict[str, int]:
        query = {"spec._category": BATCH, "state": {"$in": ["RESERVED", "RUNNING"]}}
        found = self._parts.launchpad.fireworks.find(query, {"fw_id": 1, "name": 1})
        return {str(document["name"]): int(document["fw_id"]) for document in found}

    def _do(self, found: Iterable[Duty]) -> None:
        for duty in found:
            match duty:
                case Cancel(job=job):
                    self._parts.slurm.cancel([job.number])
                    log.info("cancelled in Slurm", key=job.name, number=job.number)
                case Move(job=job, partition=partition):
                    moved = self._parts.slurm.move(job.number, partition)
                    log.info("moved", key=job.name, partition=partition, moved=moved)
                case Lost():
                    self._take_back(duty)
                case Free(firework=firework):
                    self._parts.workflows.requeue(firework)
                    log.warning("reservation without a job", firework=firework)

    def _take_back(self, lost: Lost) -> None:
        """Have the policy decide on a job whose launcher is gone, by what Slurm says of it."""
        record = lost.record
        state = "REQUEUED" if lost.waits else self._parts.slurm.ended(record.key)
        said = state or "nothing; it has forgotten the job"
        kind = classify(Ending(batch_state=state))
        if kind in (FailureKind.OTHER, FailureKind.CRASHED):
            kind = FailureKind.VANISHED
        failure = Failure(
            kind,
            f"Its launcher {record.worker} is gone; Slurm says {said}.",
            f"Look at {record.key}.out in {self._settings.folder} and at Slurm's accounting.",
        )
        what = self._parts.ledger.fall_short(record.key, record.token, failure)
        if what == "failed":
            self._parts.ledger.settle(record.key)
        log.warning("lost in Slurm", key=record.key, slurm=said, then=what)

    # ------------------------------------------------------------------ what is ready

    def _submit_ready(self, now: float) -> None:
        self._left_alone = {one: until for one, until in self._left_alone.items() if until > now}
        room = min(self._settings.at_once - self._in_slurm, SUBMITTED_AT_ONCE)
        if room <= 0:
            return
        query: dict[str, Any] = {"state": "READY", "spec._category": BATCH}
        if self._left_alone:
            query["fw_id"] = {"$nin": list(self._left_alone)}
        ready = self._parts.launchpad.fireworks.find(query)
        for document in list(ready.sort("spec._priority", DESCENDING).limit(room)):
            self._submit(document, now)

    def _submit(self, document: dict[str, Any], now: float) -> None:
        parts = self._parts
        decision = admit(document, parts.key)
        if isinstance(decision, Refused):
            refuse(parts.launchpad, parts.ledger, decision)
            return
        firework, key = decision.firework, decision.spec.key
        record = parts.ledger.get(key)
        if record is None or record.firework != firework:
            reason = f"It is a copy; job {key} has another firework or none."
            refuse(parts.launchpad, parts.ledger, Refused(firework, reason))
            return
        outcome = parts.submission.submit(firework)
        if outcome is None:
            self._in_slurm += 1
            log.info("submitted", key=key, firework=firework)
            return
        self._left_alone[firework] = now + NOT_AGAIN_S
        if outcome.refusal is not None:
            reason = f"Slurm does not take it: {outcome.refusal}."
            parts.ledger.refuse(firework, reason, "Correct [batch] in the settings; submit again.")
        log.warning("not submitted", key=key, reason=outcome.refusal or "Slurm does not answer")
