"""Lanes: several launchers in one process, so that a quick job never waits behind a long one.

One lane serves quick jobs alone; one serves what the operator picked, and nothing else, so that it
is free when that comes; the others serve everything. Each has a warm engine process of its own.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from sim_dispatcher.launch.launcher import Launcher, LauncherSettings
from sim_dispatcher.launch.routing import LOCAL, QUICK

__all__ = ["Lane", "plan_lanes", "run_lanes"]

JOIN_S: Final = 60.0
"""Time in which a lane, told to stop, has given its job back."""

PICKED_WARM_AFTER_S: Final = 30.0
"""By then the other engines are warm; before that they would only be later."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Lane:
    """What one launcher of several serves.

    Attributes:
        name: Ends the worker's name; empty where there is only one.
        categories: The fireworker categories.
        least_priority: Jobs of less priority are left to other lanes; None for no such bound.
        warm_after_s: Its engine is started after so long, or when it is first needed, s.
    """

    name: str
    categories: tuple[str, ...]
    least_priority: float | None = None
    warm_after_s: float = 0.0

    def settings(self, shared: LauncherSettings) -> LauncherSettings:
        """Return the settings of this lane's launcher."""
        return dataclasses.replace(
            shared,
            worker="-".join(part for part in (shared.worker, self.name) if part),
            categories=self.categories,
            least_priority=self.least_priority,
            warm_after_s=self.warm_after_s,
        )


def plan_lanes(workers: int, urgent_priority: float) -> tuple[Lane, ...]:
    """Return the lanes of a host.

    Args:
        workers: Lanes that serve everything; each may keep a core busy for long.
        urgent_priority: Priority from which the operator's lane serves a job.
    """
    general = (QUICK, LOCAL)
    return (
        Lane("quick", (QUICK,)),
        Lane("picked", general, urgent_priority, PICKED_WARM_AFTER_S),
        *(Lane(str(number), general) for number in range(1, workers + 1)),
    )


def run_lanes(
    lanes: Sequence[Lane], make: Callable[[Lane], Launcher], stop: threading.Event
) -> None:
    """Run a launcher per lane, each in a thread, until told to stop or until one of them fails.

    Args:
        lanes: From `plan_lanes`.
        make: Makes a lane's launcher; called in this thread.
        stop: Set to end; jobs under way are given back.

    Raises:
        BaseException: Whatever ended the first lane that failed.
    """
    failures: list[BaseException] = []
    launchers = [make(lane) for lane in lanes]
    threads = [
        threading.Thread(target=_run, args=(launcher, stop, failures), name=f"lane {lane.name}")
        for launcher, lane in zip(launchers, lanes, strict=True)
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(JOIN_S)
    for launcher in launchers:
        launcher.close()
    if failures:
        raise failures[0]


def _run(launcher: Launcher, stop: threading.Event, failures: list[BaseException]) -> None:
    try:
        launcher.run(stop)
    except BaseException as error:
        log.exception("lane failed")
        failures.append(error)
        raise
    finally:
        stop.set()
