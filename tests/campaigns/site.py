"""One site whose every process can be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sim_dispatcher.database.server import socket_uri

__all__ = ["ROLES", "Site", "pause", "running_site"]

ROOT = Path(__file__).resolve().parents[2]
ROLES = ("database", "submitter", "launcher-a", "launcher-b")
START_S = 120.0
POLL_S = 0.02


def pause(seconds: float) -> None:
    """Give the processors to the processes under test."""
    signal.sigtimedwait((), seconds)


@dataclass
class Site:
    """A database, a submitter and two launchers, as processes over one folder."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def socket(self) -> Path:
        """The database's socket."""
        return self.folder / "db" / "mongodb.sock"

    @property
    def uri(self) -> str:
        """The database's address."""
        return socket_uri(self.socket)

    def environment(self) -> dict[str, str]:
        """What the processes see."""
        return {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(self, name: str) -> None:
        """Start a process; a database is waited for."""
        with (self.folder / f"{name}.out").open("ab") as out:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", *self._command(name)],
                stdout=out, stderr=out, cwd=ROOT, env=self.environment(),
            )  # fmt: skip
        if name == "database":
            self.wait_for(self.socket.exists, "the database")

    def kill(self, *names: str) -> None:
        """Kill processes at once, without a warning."""
        for name in names:
            self.processes[name].kill()
        for name in names:
            self.processes.pop(name).wait()
            if name == "database":
                self.socket.unlink(missing_ok=True)

    def wait_for(self, condition: Callable[[], object], what: str, within_s: float = 120.0) -> None:
        """Look again and again until something holds; what died of itself is an error."""
        deadline = time.monotonic() + within_s
        while not condition():
            for name, process in self.processes.items():
                log = self.folder / f"{name}.out"
                assert process.poll() is None, f"{name} ended: {log.read_text()[-800:]}"
            assert time.monotonic() < deadline, f"no {what} in {within_s:.0f} s"
            pause(POLL_S)

    def stop(self) -> None:
        """End everything, the database last."""
        for name in sorted(self.processes, key=lambda name: name == "database"):
            process = self.processes.pop(name)
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _command(self, name: str) -> list[str]:
        folder = str(self.folder)
        if name == "database":
            return ["sim_dispatcher", "database", "--path", str(self.folder / "db")]
        return ["tests.campaigns.roles", name.partition("-")[0], folder, name]


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """Run all roles over a folder until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    site = Site(folder)
    (folder / "uri").write_text(site.uri)
    (folder / "wanted").touch()
    try:
        for name in ROLES:
            site.start(name)
        yield site
    finally:
        site.stop()
