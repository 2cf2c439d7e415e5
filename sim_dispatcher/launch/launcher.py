"""The rocket launcher: takes ready fireworks, computes them, and says what came of them.

In order, for each job: look at the stored firework and refuse what is not ours; claim the ledger
record, which decides who computes; check the firework out through FireWorks' LaunchPad; compute in
the warm engine process; write the result to the ledger, which is the truth; complete the firework.
A crash anywhere leaves a state that `Ledger.reconcile` mends.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from fireworks import FWAction, FWorker
from pymongo import DESCENDING
from pymongo.errors import PyMongoError

from shared.clock import Clock
from shared.errors import DatabaseError
from sim_dispatcher.failures import FailureKind, is_lawful
from sim_dispatcher.launch.admission import Admitted, Refused, admit
from sim_dispatcher.launch.engine_process import EngineProcess
from sim_dispatcher.launch.flight import Flight, Signals
from sim_dispatcher.launch.landing import Landed, failure_of
from sim_dispatcher.launch.launchpad import FIREWORKS_ERRORS
from sim_dispatcher.launch.orders import (
    CHECKPOINT_NAME,
    EngineAnswer,
    EngineOrder,
    EngineUnfinished,
)
from sim_dispatcher.launch.plausibility import checked
from sim_dispatcher.launch.refusal import REMEDY, refuse
from sim_dispatcher.launch.routing import LOCAL, LONG, QUICK
from sim_dispatcher.launch.signing import SigningKey
from sim_dispatcher.ledger import (
    DatabaseAwayError,
    Failure,
    JobRecord,
    Ledger,
    is_outage,
)
from sim_dispatcher.ledger.bell import ring

__all__ = ["Launcher", "LauncherSettings"]

POLL_S: Final = 0.1
"""Wait between looks at an empty queue."""

POLL_FACTOR: Final = 5.0
"""The wait is at least so many times as long as the look took: thousands of jobs that wait for
other launchers make it long, and the database has better things to do."""

RETRY_S: Final = 1.0
"""Wait before the database is tried again."""

LEAST_FREE_BYTES: Final = 64 << 20
"""Room that must be left where the jobs' folders are before another job is taken."""

CANDIDATES: Final = 10
"""Fireworks looked at in one go."""

SKIP_S: Final = 5.0
"""A firework whose job is not to be had is left alone for so long."""

_FOREIGN_SETTINGS: Final = Refused(-1, "Its settings are not ones that its failures lead to.")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class LauncherSettings:
    """How a launcher works.

    Attributes:
        worker: Its name, in records and logs.
        folder: Where each job gets a folder of its own; shared with the other launchers, so that
            checkpoints are found.
        categories: The fireworker categories it serves, best priority first.
        picked: Categories of which it serves, before all others, what the operator picked.
        database: Name of the database; None for the one in the URI, or `atomloop`.
        firework: The only firework it serves, also where it is reserved (`fw_id`); None for any.
        urgent_priority: Priority from which a job counts as picked.
        max_wall_s: Jobs come to a checkpoint before the launcher has run for so long, s.
        warm: Whether its engine is started before there is a job.
    """

    worker: str
    folder: Path
    categories: tuple[str, ...] = (QUICK, LOCAL, LONG)
    picked: tuple[str, ...] = ()
    database: str | None = None
    firework: int | None = None
    urgent_priority: float = 1000.0
    max_wall_s: float | None = None
    warm: bool = True


class Launcher:
    """Computes the jobs of one LaunchPad, one at a time.

    Args:
        launchpad: From `open_launchpad`.
        ledger: The jobs' records.
        key: Checks signatures.
        engine: Computes.
        settings: Name, folder and category.
        clock: Paces heartbeats.
    """

    def __init__(
        self,
        launchpad: Any,
        ledger: Ledger,
        key: SigningKey,
        engine: EngineProcess,
        settings: LauncherSettings,
        clock: Clock,
    ) -> None:
        self._launchpad = launchpad
        self._ledger = ledger
        self._key = key
        self._engine = engine
        self._settings = settings
        self._clock = clock
        self._skipped: dict[int, float] = {}
        self._wound_up = threading.Event()
        self._began_s = clock.monotonic_s()

    def run(self, stop: threading.Event) -> None:
        """Compute until told to stop; a job under way is then given back to the queue."""
        while not (stop.is_set() or self._wound_up.is_set()):
            if self._settings.warm:
                self._engine.start()
            if not self._has_room():
                stop.wait(RETRY_S)
                continue
            looked_s = self._clock.monotonic_s()
            try:
                busy = self.launch_next(stop)
            except (PyMongoError, DatabaseAwayError) as error:
                log.warning("database away", error=str(error)[:200])
                stop.wait(RETRY_S)
                continue
            if not busy:
                took_s = self._clock.monotonic_s() - looked_s
                stop.wait(min(RETRY_S, max(POLL_S, POLL_FACTOR * took_s)))
        self._engine.stop()

    def _has_room(self) -> bool:
        """Tell whether a job may be taken; a full disk would fail one after the other."""
        self._settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(self._settings.folder).free
        if free < LEAST_FREE_BYTES:
            log.warning("no room for jobs", folder=str(self._settings.folder), free_bytes=free)
        return free >= LEAST_FREE_BYTES

    def run_once(self, stop: threading.Event) -> int:
        """Compute what is ready now, then end; with a firework set, its job alone.

        Args:
            stop: Set to have the job given back.

        Returns:
            How many attempts were made, or fireworks refused.

        Raises:
            DatabaseAwayError: The database did not answer.
        """
        done = 0
        while not (stop.is_set() or self._wound_up.is_set()) and self.launch_next(stop):
            done += 1
        self._engine.stop()
        return done

    def wind_up(self) -> None:
        """Have the job under way come to a checkpoint, and end: the walltime draws near."""
        self._wound_up.set()

    def close(self) -> None:
        """End the engine and the connection to the database."""
        self._engine.stop()
        self._launchpad.connection.close()

    def launch_next(self, stop: threading.Event) -> bool:
        """Compute the first ready job that is to be had.

        Args:
            stop: Set to have the job given back.

        Returns:
            Whether there was anything to do.
        """
        for document in self._ready():
            decision = admit(document, self._key)
            if isinstance(decision, Refused):
                refuse(self._launchpad, self._ledger, decision)
                ring(self._settings.folder)
                return True
            key, firework = decision.spec.key, decision.firework
            claim = self._claim(key, firework)
            if claim is None:
                self._pass_over(decision)
                continue
            self._launch(decision, claim, stop)
            return True
        return False

    def _ready(self) -> list[dict[str, Any]]:
        """Return the first ready fireworks of ours: what the operator picked, then the rest."""
        now = self._clock.monotonic_s()
        self._skipped = {one: until for one, until in self._skipped.items() if until > now}
        settings = self._settings
        if settings.firework is not None:
            if settings.firework in self._skipped:
                return []
            states = {"state": {"$in": ["READY", "RESERVED"]}, "fw_id": settings.firework}
            return self._found(settings.categories, states)
        ready: dict[str, Any] = {"state": "READY"}
        if self._skipped:
            ready["fw_id"] = {"$nin": list(self._skipped)}
        urgent = {"spec._priority": {"$gte": settings.urgent_priority}}
        picked = self._found(settings.picked, ready | urgent) if settings.picked else []
        return picked or self._found(settings.categories, ready)

    def _found(self, categories: Sequence[str], query: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = categories[0] if len(categories) == 1 else {"$in": list(categories)}
        found = self._launchpad.fireworks.find(query | {"spec._category": wanted})
        return list(found.sort("spec._priority", DESCENDING).limit(CANDIDATES))

    def _claim(self, key: str, firework: int) -> JobRecord | None:
        """Claim a job; None where it is not to be had, or where its record is damaged."""
        try:
            return self._ledger.claim(key, self._settings.worker, firework)
        except DatabaseAwayError:
            raise
        except DatabaseError as error:
            log.warning("not claimed", key=key, error=error.message)
            return None

    def _pass_over(self, decision: Admitted) -> None:
        """Leave a firework whose job someone else has, or which has ended, or which is a copy."""
        key = decision.spec.key
        record = self._ledger.get(key)
        if record is None or record.firework != decision.firework:
            reason = f"It is a copy; job {key} has another firework, or no sound record."
            refuse(self._launchpad, self._ledger, Refused(decision.firework, reason))
            return
        self._ledger.settle(key)
        self._skipped[decision.firework] = self._clock.monotonic_s() + SKIP_S

    def _launch(self, decision: Admitted, claim: JobRecord, stop: threading.Event) -> None:
        folder = self._folder_of(claim)
        if folder is None:
            return
        launch = self._check_out(decision, folder) if _is_ours(claim) else _FOREIGN_SETTINGS
        if launch is None:
            self._ledger.hand_back(claim.key, claim.token)
            self._skipped[decision.firework] = self._clock.monotonic_s() + SKIP_S
            return
        if isinstance(launch, Refused):
            self._ledger.fail(claim.key, claim.token, launch.reason, REMEDY)
            refuse(self._launchpad, self._ledger, Refused(decision.firework, launch.reason))
            return
        log.info("job started", key=claim.key, firework=decision.firework, token=claim.token)
        ring(self._settings.folder)
        self._engine.order(self._order(decision, claim, folder))
        bell = self._settings.folder
        flight = Flight(self._launchpad, self._ledger, self._engine, self._clock, bell)
        signals = Signals(stop, self._wound_up)
        outcome = flight.watch(claim, launch, signals)
        if isinstance(outcome, EngineAnswer):
            outcome = checked(outcome, decision.spec)
        landed = Landed(outcome, launch, flight.spent, signals.given)
        while not self._try_to_conclude(claim, landed) and not stop.wait(RETRY_S):
            log.warning("result kept until the database is back", key=claim.key)

    def _folder_of(self, claim: JobRecord) -> Path | None:
        """Make an attempt's folder, checkpoint included; None where the disk refuses."""
        folder = self._settings.folder / f"{claim.key}-{claim.token}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if claim.adjustments.resume:
                _bring_checkpoint(folder, claim)
        except OSError as error:
            reason = f"Its folder cannot be made: {error.strerror}."
            failure = Failure(FailureKind.DISK, reason, "Make room there.")
            if self._ledger.fall_short(claim.key, claim.token, failure) == "failed":
                self._ledger.settle(claim.key)
            return None
        return folder

    def _order(self, decision: Admitted, claim: JobRecord, folder: Path) -> EngineOrder:
        twins = self._settings.folder / "twins"
        twins.mkdir(mode=0o700, exist_ok=True)
        left = self._settings.max_wall_s
        if left is not None:
            left = max(1.0, left - (self._clock.monotonic_s() - self._began_s))
        return EngineOrder(
            spec=decision.spec,
            folder=str(folder.absolute()),
            adjustments=claim.adjustments,
            max_wall_s=left,
            twins=str(twins.absolute()),
        )

    def _try_to_conclude(self, claim: JobRecord, landed: Landed) -> bool:
        """Write an outcome; False while the database is away. Harmless to repeat."""
        try:
            self._conclude(claim, landed)
        except (PyMongoError, DatabaseAwayError) as error:
            log.warning("database away", error=str(error)[:200])
            return False
        return True

    def _check_out(self, decision: Admitted, folder: Path) -> int | Refused | None:
        """Check a firework out through the LaunchPad.

        Returns:
            The launch id; None where it could not be had, a refusal where it has changed.
        """
        settings = self._settings
        if self._launchpad.workflows.find_one({"nodes": decision.firework}, {"nodes": 1}) is None:
            return Refused(decision.firework, "Its workflow is missing.")
        number = decision.firework
        categories = list(dict.fromkeys((*settings.categories, *settings.picked)))
        worker = FWorker(settings.worker, categories, {"fw_id": number})
        reserved = None if settings.firework is None else number
        try:
            firework, launch = self._launchpad.checkout_fw(worker, str(folder), fw_id=reserved)
        except FIREWORKS_ERRORS as error:
            if is_outage(error):
                return None
            reason = f"FireWorks cannot check it out: {str(error)[-200:]}"
            return Refused(decision.firework, reason)
        self._launchpad.backup_launch_data.clear()
        self._launchpad.backup_fw_data.clear()
        if firework is None:
            return None
        again = admit(firework.to_dict(), self._key)
        if not isinstance(again, Admitted) or again.signature != decision.signature:
            return Refused(decision.firework, "It was changed while it was checked out.")
        return int(launch)

    def _conclude(self, claim: JobRecord, landed: Landed) -> None:
        """Write an outcome to the ledger first, then to the LaunchPad."""
        key, token, outcome = claim.key, claim.token, landed.outcome
        if isinstance(outcome, EngineUnfinished) and self._settings.max_wall_s is not None:
            self._wound_up.set()
        if outcome == "lost":
            log.info("claim lost", key=key, token=token)
            return
        if isinstance(outcome, EngineAnswer):
            applied = self._ledger.finish(key, token, outcome.answer, landed.spent)
            stored: dict[str, Any] = {"job": key, "energy_eV": outcome.answer.result.energy_eV}
            state = "COMPLETED"
        else:
            failure = failure_of(outcome, landed)
            applied = self._ledger.fall_short(key, token, failure) == "failed"
            stored = {"job": key, "_message": f"{failure.reason} {failure.remedy}"}
            state = "FIZZLED"
        log.info("attempt ended", key=key, token=token, state=state, applied=applied)
        if applied:
            action = FWAction(stored_data=stored, exit=state == "FIZZLED")
            try:
                self._launchpad.complete_launch(landed.launch, action, state)
            except FIREWORKS_ERRORS as error:
                log.warning("launch not completed", key=key, error=str(error)[-200:])
            self._ledger.settle(key)
        ring(self._settings.folder)


def _is_ours(claim: JobRecord) -> bool:
    """Tell whether a record's settings for this attempt are what the policy leads to."""
    return is_lawful(claim.tries, claim.adjustments, claim.spec.level)


def _bring_checkpoint(folder: Path, claim: JobRecord) -> None:
    """Move the latest checkpoint of the attempts before into an attempt's folder."""
    for token in range(claim.token - 1, 0, -1):
        left = folder.with_name(f"{claim.key}-{token}") / CHECKPOINT_NAME
        if left.exists():
            shutil.move(left, folder / CHECKPOINT_NAME)
            return
