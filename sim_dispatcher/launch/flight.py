"""A job between its start and its end: heartbeats out, progress in, and a reason to stop."""

from __future__ import annotations

import threading
from typing import Any, Final, Literal

import structlog
from pymongo.errors import PyMongoError

from shared.clock import Clock
from sim_dispatcher.launch.engine_process import EngineProcess
from sim_dispatcher.launch.orders import EngineAnswer, EngineFailure, EngineProgress
from sim_dispatcher.ledger import (
    LEASE_S,
    DatabaseAwayError,
    JobProgress,
    JobRecord,
    Ledger,
)

__all__ = ["Flight", "Flown"]

Flown = EngineAnswer | EngineFailure | Literal["stopped", "lost"]
"""How a flight ends: with a result, without one, by order, or because the claim is gone."""

BEAT_S: Final = 0.5
"""Time between two heartbeats; bounds how late a cancel is noticed."""

PING_S: Final = 15.0
"""Time between two pings of FireWorks' own launch record."""

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
        self._beaten = self._pinged = self._heard = clock.monotonic_s()

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
            elif message is not None:
                return message
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
