"""A service as a process group of its own: started, watched, stopped to the last descendant."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from deploy.demo.orphans import collect_orphans
from deploy.demo.signals import Signals

__all__ = ["ServiceProcess", "stop_in_waves"]

STOP_GRACE_S = 20.0
"""How long a service may take to end by itself before it is killed."""

KILL_GRACE_S = 2.0
"""How long the kernel may take to remove a killed group."""

LOOK_EVERY_S = 0.1


class ServiceProcess:
    """One service's process group and its log.

    Args:
        name: What people call it.
        arguments: Program and arguments.
        log: File that receives its standard output and error.
        env: Variables to add to the environment.
    """

    def __init__(
        self, name: str, arguments: Sequence[str], log: Path, env: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **env},
                start_new_session=True,
            )
        self.group = self._process.pid
        self.started_s = time.monotonic()

    def exit_status(self) -> int | None:
        """Return how the service ended (negative: by that signal); None while it runs."""
        return self._process.poll()

    def last_lines(self, count: int = 8) -> list[str]:
        """Return the end of its log."""
        return self.log.read_text("utf-8", errors="replace").splitlines()[-count:]

    def has_members(self) -> bool:
        """Tell whether the service or a descendant in its group still exists."""
        if self._process.poll() is not None:  # the dead count until they are collected
            collect_orphans(self.group)
        try:
            os.killpg(self.group, 0)
        except ProcessLookupError:
            return False
        return True

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the service and every descendant in its group."""
        if self.has_members():
            os.killpg(self.group, number)


def stop_in_waves(
    waves: Iterable[Sequence[ServiceProcess]], signals: Signals, grace_s: float = STOP_GRACE_S
) -> list[str]:
    """Stop services wave by wave, waiting for each wave to be gone.

    Args:
        waves: In the order to stop them; those of one wave are asked together.
        signals: Wakes this process as soon as a child ends.
        grace_s: How long a wave may take before what is left of it is killed.

    Returns:
        Names of those that had to be killed.
    """
    killed = []
    for wave in waves:
        for service in wave:
            service.signal_group(signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        for service in wave:
            if not _gone(service, signals, deadline):
                killed.append(service.name)
                service.signal_group(signal.SIGKILL)
                _gone(service, signals, time.monotonic() + KILL_GRACE_S)
    return killed


def _gone(service: ServiceProcess, signals: Signals, deadline: float) -> bool:
    while service.has_members():
        if time.monotonic() > deadline:
            return False
        signals.wait(LOOK_EVERY_S)
    return True
