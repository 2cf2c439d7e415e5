"""A job between its start and its end: heartbeats out, progress in, and a reason to stop."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import structlog
from pymongo.errors import PyMongoError

from shared.clock import Clock
from sim_dispatcher.launch.engine_process import EngineProcess
from sim_dispatcher.launch.orders import (
    EngineAnswer,
    EngineFailure,
    EngineProgress,
    EngineUnfinished,
)
from sim_dispatcher.ledger import (
    LEASE_S,
    DatabaseAwayError,
    JobProgress,
    JobRecord,
    Ledger,
    Spent,
)
from sim_dispatcher.ledger.bell import ring

__all__ = ["Flight", "Flown", "Signals"]

Flown = EngineAnswer | EngineFailure | EngineUnfinished | Literal["stopped", "lost"]
"""How a flight ends: with a result, without one, at a checkpoint, by order, or without a claim."""

BEAT_S: Final = 0.25
"""Time between two heartbeats; bounds how late a cancel is noticed."""

STOP_GRACE_S: Final = 3.0
"""Time to come to a checkpoint at SIGTERM; an urgent job may be waiting for the place."""

WIND_UP_GRACE_S: Final = 60.0
"""Time to come to a checkpoint when the walltime draws near (SIGUSR1)."""

IDLE_S: Final = 300.0
"""An engine that says nothing and uses no processor for so long hangs."""

SILENT_S: Final = 6 * 3600.0
"""An engine that says nothing for so long hangs, busy or not."""

IDLE_CPU_S: Final = 1.0
"""Less processor time than this is none."""

PING_S: Final = 15.0
"""Time between two pings of FireWorks' own launch record."""

HUNG: Final = EngineFailure(
    reason="The engine did not move on for too long, and was stopped.",
    remedy="Read engine.log in the job's folder.",
    code="hung",
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Signals:
    """What a launcher may be told while it computes.

    Attributes:
        stop: End now: there are seconds.
        wind_up: The walltime draws near: come to a checkpoint, and end.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    wind_up: threading.Event = field(default_factory=threading.Event)

    @property
    def given(self) -> bool:
        """Whether there is either."""
        return self.stop.is_set() or self.wind_up.is_set()


class Flight:
    """Watches over the engine while it computes one job.

    Args:
        launchpad: Is pinged, for FireWorks' own tools.
        ledger: Takes the heartbeats.
        engine: Computes; killed where the job must stop.
        clock: Paces both.
        bell: The launch folder, where the dispatcher hears of progress.
    """

    def __init__(
        self, launchpad: Any, ledger: Ledger, engine: EngineProcess, clock: Clock, bell: Path
    ) -> None:
        self._bell = bell
        self._launchpad = launchpad
        self._ledger = ledger
        self._engine = engine
        self._clock = clock
        self._latest: JobProgress | None = None
        self._deadline: float | None = None
        self._began = self._beaten = self._pinged = self._heard = clock.monotonic_s()
        self._cpu_before = self._cpu = engine.cpu_s
        self._spoke = self._moved = self._began
        self._moved_cpu = self._cpu

    @property
    def spent(self) -> Spent:
        """What the attempt cost so far; the processor's part as of the latest heartbeat."""
        wall = self._clock.monotonic_s() - self._began
        return Spent(wall, max(0.0, self._cpu - self._cpu_before))

    def watch(self, claim: JobRecord, launch: int, signals: Signals) -> Flown:
        """Wait for the engine, beating.

        Args:
            claim: The claimed record.
            launch: FireWorks' launch id.
            signals: Set to end the job.

        Returns:
            How it ended. Once it was told to end, a failure counts as part of that: a batch system
            signals the engine's programs, too, and they die of it.
        """
        while True:
            message = self._engine.receive(BEAT_S / 2)
            if isinstance(message, EngineProgress):
                self._latest = message.progress
                self._spoke = self._moved = self._clock.monotonic_s()
            elif message is not None:
                self._cpu = max(self._cpu, self._engine.cpu_s)
                failed = isinstance(message, EngineFailure)
                return "stopped" if failed and signals.given else message
            elif self._hangs():
                self._engine.stop()
                return HUNG
            if self._must_end(signals):
                self._engine.stop()
                return "stopped"
            if not self._keep_alive(claim, launch):
                self._engine.stop()
                return "lost"

    def _keep_alive(self, claim: JobRecord, launch: int) -> bool:
        """Beat and ping when it is time; False where the claim is gone.

        While the database is away the job goes on, until its lease must have run out.
        """
        now = self._clock.monotonic_s()
        if now - self._beaten < BEAT_S:
            return True
        self._beaten = now
        self._cpu = max(self._cpu, self._engine.cpu_s)
        try:
            progress, self._latest = self._latest, None
            if not self._ledger.beat(claim.key, claim.token, progress):
                return False
            if progress is not None:
                ring(self._bell)
            self._heard = now
            if now - self._pinged >= PING_S:
                self._pinged = now
                self._launchpad.ping_launch(launch)
        except (PyMongoError, DatabaseAwayError) as error:
            log.warning("no heartbeat", key=claim.key, error=str(error)[:200])
        return now - self._heard < LEASE_S

    def _must_end(self, signals: Signals) -> bool:
        """Have the engine come to a checkpoint once a signal is given; True when it had its time.

        A second signal with less grace shortens it.
        """
        if not signals.given:
            return False
        now = self._clock.monotonic_s()
        if self._deadline is None:
            self._engine.wind_up()
            self._deadline = now + WIND_UP_GRACE_S
        if signals.stop.is_set():
            self._deadline = min(self._deadline, now + STOP_GRACE_S)
        return now >= self._deadline

    def _hangs(self) -> bool:
        """Tell whether the engine has neither said nor done anything for too long."""
        now = self._clock.monotonic_s()
        if self._cpu - self._moved_cpu >= IDLE_CPU_S:
            self._moved, self._moved_cpu = now, self._cpu
        return now - self._moved >= IDLE_S or now - self._spoke >= SILENT_S
