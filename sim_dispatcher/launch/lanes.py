"""Lanes: several launchers in one process, so that no job waits behind a longer one.

One lane serves quick jobs alone; one serves what takes at most about a minute, and whatever the
operator picked; the others serve everything that is not quick. Each has an engine process of its
own; the first two are warm before there is a job.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from sim_dispatcher.launch.launcher import Launcher, LauncherSettings
from sim_dispatcher.launch.routing import LOCAL, LONG, QUICK

__all__ = ["Lane", "plan_lanes", "run_lanes"]

JOIN_S: Final = 60.0
"""Time in which a lane, told to stop, has given its job back."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Lane:
    """What one launcher of several serves.

    Attributes:
        name: Ends the worker's name; empty where there is only one.
        categories: The fireworker categories.
        picked: Categories of which it serves, before all others, what the operator picked.
        urgent_priority: Priority from which a job counts as picked.
        warm: Whether its engine is started before there is a job.
    """

    name: str
    categories: tuple[str, ...]
    picked: tuple[str, ...] = ()
    urgent_priority: float = 1000.0
    warm: bool = True

    def settings(self, shared: LauncherSettings) -> LauncherSettings:
        """Return the settings of this lane's launcher."""
        return dataclasses.replace(
            shared,
            worker="-".join(part for part in (shared.worker, self.name) if part),
            categories=self.categories,
            picked=self.picked,
            urgent_priority=self.urgent_priority,
            warm=self.warm,
        )


def plan_lanes(workers: int, urgent_priority: float) -> tuple[Lane, ...]:
    """Return the lanes of a host.

    Args:
        workers: Lanes for long jobs; each may keep a core busy for hours.
        urgent_priority: Priority from which a job counts as picked by the operator.
    """
    return (
        Lane("quick", (QUICK,)),
        Lane("prompt", (QUICK, LOCAL), (LONG,), urgent_priority),
        *(Lane(str(number), (LOCAL, LONG), warm=False) for number in range(1, workers + 1)),
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
