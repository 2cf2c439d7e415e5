"""Starts the planned services, notices which have died, and stops them all."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.demo.failure import DemoError
from deploy.demo.orphans import adopt_orphans, end_orphans
from deploy.demo.plan import Layout, ServicePlan
from deploy.demo.processes import STOP_GRACE_S, ServiceProcess, stop_in_waves
from deploy.demo.signals import Signals
from deploy.progress import Progress

__all__ = ["Supervisor"]

DATABASE_WITHIN_S = 60.0
STOP_WAVES = (
    ("edge-agent", "launcher", "sim-dispatcher"),
    ("inference-service",),
    ("database",),
)
"""Those that dial end first, so that each still finds whom it has to say its last word to."""


class Supervisor:
    """A context manager around the demo's processes; leaving it leaves none of them.

    Args:
        layout: Where things are.
        plans: What to run, in the order of starting.
        progress: The display.
        signals: Wakes when a child ends or somebody asks to stop.
    """

    def __init__(
        self, layout: Layout, plans: Sequence[ServicePlan], progress: Progress, signals: Signals
    ) -> None:
        self._layout = layout
        self._plans = plans
        self._progress = progress
        self._signals = signals
        self._environment = {"PYTHONUNBUFFERED": "1", "ATOMLOOP_RUN": str(layout.folder)}
        self._running: dict[str, ServiceProcess] = {}
        self.died: list[str] = []
        """Services that ended although they should not have."""

    def __enter__(self) -> Self:
        """Start the undertaker, which outlives this process if it must."""
        adopt_orphans()
        self._undertaker = subprocess.Popen(
            [sys.executable, "-m", "deploy.demo.undertaker", str(STOP_GRACE_S)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop every service, in order, and then the undertaker."""
        self._progress.begin("Stopping")
        waves = [
            [self._running[name] for name in wave if name in self._running] for wave in STOP_WAVES
        ]
        killed = stop_in_waves(waves, self._signals)
        end_orphans({self._undertaker.pid})
        for service in self._running.values():
            self._register(-service.group)
        if self._undertaker.stdin:
            self._undertaker.stdin.close()
        self._undertaker.wait()
        if self._layout.socket.parent != self._layout.folder:
            shutil.rmtree(self._layout.socket.parent, ignore_errors=True)
        self._progress.end(f"killed {', '.join(killed)}" if killed else "all stopped")

    def start(self) -> None:
        """Start every service; those that need the database wait for it.

        Raises:
            DemoError: The database does not come up.
        """
        for plan in self._plans:
            if plan.needs_database:
                self._await_database()
            if self._signals.stop:
                return
            self._running[plan.name] = service = self._launch(plan)
            self._register(service.group)

    def look(self) -> None:
        """Announce services that have ended since the last look, with their last words."""
        for plan in self._plans:
            service = self._running.get(plan.name)
            if service is None or service.name in self.died or service.exit_status() is None:
                continue
            if service.exit_status() == 0 and plan.may_end:
                continue
            self.died.append(service.name)
            words = "\n".join(f"    {line}" for line in service.last_lines())
            self._progress.say(
                f"{service.name} ended with status {service.exit_status()}; the others go on. "
                f"Its last lines, from {service.log}:\n{words}"
            )

    def _launch(self, plan: ServicePlan) -> ServiceProcess:
        program, *arguments = plan.command
        script = Path(sys.executable).parent / program
        if plan.settings is not None:
            arguments += ["--config", str(self._layout.folder / f"{plan.name}.toml")]
        log = self._layout.folder / f"{plan.name}.log"
        command = [str(script), *arguments]
        return ServiceProcess(plan.name, command, log, self._environment)

    def _await_database(self) -> None:
        deadline = time.monotonic() + DATABASE_WITHIN_S
        while not _answers(self._layout.socket) and not self._signals.stop:
            self.look()
            if "database" in self.died or time.monotonic() > deadline:
                raise DemoError(
                    "The database did not come up.", f"read {self._layout.folder / 'database.log'}."
                )
            self._signals.wait(0.1)

    def _register(self, group: int) -> None:
        """Tell the undertaker of a process group, or with a minus that it is gone."""
        if self._undertaker.stdin:
            self._undertaker.stdin.write(f"{group}\n".encode())
            self._undertaker.stdin.flush()


def _answers(path: Path) -> bool:
    """Tell whether somebody accepts connections on a Unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
