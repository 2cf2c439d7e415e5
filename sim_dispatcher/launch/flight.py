"""A job between its start and its end: heartbeats out, progress in, and a reason to stop."""

from __future__ import annotations

import threading
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

__all__ = ["Flight", "Flown"]

Flown = EngineAnswer | EngineFailure | EngineUnfinished | Literal["stopped", "lost"]
"""How a flight ends: with a result, without one, at a checkpoint, by order, or without a claim."""

BEAT_S: Final = 0.5
"""Time between two heartbeats; bounds how late a cancel is noticed."""

IDLE_S: Final = 300.0
"""An engine that says nothing and uses no processor for so long hangs."""

IDLE_CPU_S: Final = 1.0
"""Less processor time than this is none."""

PING_S: Final = 15.0
"""Time between two pings of FireWorks' own launch record."""

HUNG: Final = EngineFailure(
    reason="The engine neither moved on nor used the processor, and was stopped.",
    remedy="Read engine.log in the job's folder.",
    code="hung",
)

log = structlog.get_logger(__name__)


class Flight:
    """Watches over the engine while it computes one job.

    Args:
        launchpad: Is pinged, for FireWorks' own tools.
        ledger: Takes the heartbeats.
        engine: Computes; killed where the job must stop.
        clock: Paces both.
    """

    def __init__(self, launchpad: Any, ledger: Ledger, engine: EngineProcess, clock: Clock) -> None:
        self._launchpad = launchpad
        self._ledger = ledger
        self._engine = engine
        self._clock = clock
        self._latest: JobProgress | None = None
        self._began = self._beaten = self._pinged = self._heard = clock.monotonic_s()
        self._cpu_before = self._cpu = engine.cpu_s
        self._moved, self._moved_cpu = self._began, self._cpu

    @property
    def spent(self) -> Spent:
        """What the attempt cost so far; the processor's part as of the latest heartbeat."""
        wall = self._clock.monotonic_s() - self._began
        return Spent(wall, max(0.0, self._cpu - self._cpu_before))

    def watch(self, claim: JobRecord, launch: int, stop: threading.Event) -> Flown:
        """Wait for the engine, beating.

        Args:
            claim: The claimed record.
            launch: FireWorks' launch id.
            stop: Set to end the job.
        """
        while True:
            message = self._engine.receive(BEAT_S / 2)
            if isinstance(message, EngineProgress):
                self._latest = message.progress
                self._moved = self._clock.monotonic_s()
            elif message is not None:
                self._cpu = max(self._cpu, self._engine.cpu_s)
                return message
            elif self._hangs():
                self._engine.stop()
                return HUNG
            if stop.is_set():
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
            self._heard = now
            if now - self._pinged >= PING_S:
                self._pinged = now
                self._launchpad.ping_launch(launch)
        except (PyMongoError, DatabaseAwayError) as error:
            log.warning("no heartbeat", key=claim.key, error=str(error)[:200])
        return now - self._heard < LEASE_S

    def _hangs(self) -> bool:
        """Tell whether the engine has neither said nor done anything for too long."""
        now = self._clock.monotonic_s()
        if self._cpu - self._moved_cpu >= IDLE_CPU_S:
            self._moved, self._moved_cpu = now, self._cpu
        return now - self._moved >= IDLE_S
