"""A database, a ledger, and launchers in threads with a quick engine."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.clock import SystemClock
from sim_dispatcher.database.hosting import hosted
from sim_dispatcher.launch.assembly import open_launcher
from sim_dispatcher.launch.engine_process import EngineProcess
from sim_dispatcher.launch.lanes import Lane, plan_lanes, run_lanes
from sim_dispatcher.launch.launcher import Launcher, LauncherSettings
from sim_dispatcher.launch.launchpad import open_launchpad, prepare_launchpad
from sim_dispatcher.launch.signing import SigningKey, load_or_make_key
from sim_dispatcher.launch.workflows import LaunchPadWorkflows
from sim_dispatcher.ledger import FINAL, JobRecord, JobSpec, Ledger

QUICK_ENGINE = (sys.executable, str(Path(__file__).with_name("quick_engine.py")))
PATIENCE_S = 20.0


def make_spec(key: str, roi: str = "roi", **changes: Any) -> JobSpec:
    fields: dict[str, Any] = {
        "key": key, "roi": roi, "recipe": "relax", "level": "gfnff",
        "structure": "1\n\nC 0 0 0\n", "frame": "0" * 64, "model": "1" * 64, "created_at_ns": 1,
    }  # fmt: skip
    return JobSpec(**{**fields, **changes})


class ShiftedClock(SystemClock):
    """The machine's clock, which a test may put forward."""

    ahead_s = 0.0

    def wall_ns(self) -> int:
        return super().wall_ns() + int(self.ahead_s * 1e9)

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ahead_s


@dataclass
class Site:
    """Everything that belongs to one LaunchPad."""

    uri: str
    folder: Path
    key: SigningKey
    launchpad: Any
    ledger: Ledger
    clock: ShiftedClock

    @contextmanager
    def lanes(self, workers: int, urgent_priority: float) -> Iterator[None]:
        """A process's lanes, which run until the block ends."""
        stop = threading.Event()

        def make(lane: Lane) -> Launcher:
            engine = EngineProcess(self.folder / f"{lane.name}.log", command=QUICK_ENGINE)
            settings = lane.settings(LauncherSettings("w", self.folder / "jobs"))
            return open_launcher(self.uri, self.folder / "key", settings, engine, self.clock)

        planned = plan_lanes(workers, urgent_priority)
        thread = threading.Thread(target=run_lanes, args=(planned, make, stop), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    @contextmanager
    def launcher(self, worker: str, memory_MB: int | None = None) -> Iterator[EngineProcess]:
        """A launcher that runs in a thread until the block ends."""
        stop = threading.Event()
        log = self.folder / f"{worker}.log"
        engine = EngineProcess(log, command=QUICK_ENGINE, memory_MB=memory_MB)
        settings = LauncherSettings(worker, self.folder / "jobs")
        launcher = open_launcher(self.uri, self.folder / "key", settings, engine, self.clock)
        thread = threading.Thread(target=launcher.run, args=(stop,), daemon=True)
        thread.start()
        try:
            yield engine
        finally:
            stop.set()
            thread.join()
            launcher.close()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Look every few milliseconds until something holds."""
        ticker, deadline = threading.Event(), self.clock.monotonic_s() + PATIENCE_S
        while not condition():
            assert self.clock.monotonic_s() < deadline, "it did not happen in time"
            ticker.wait(0.01)

    def end_of(self, key: str) -> JobRecord:
        """Wait until a job has ended, firework and all; return its record."""
        self.wait_for(lambda: self.record(key).state in FINAL)
        self.wait_for(lambda: self.firework_state(key) in {"COMPLETED", "FIZZLED", "DEFUSED"})
        return self.record(key)

    def record(self, key: str) -> JobRecord:
        record = self.ledger.get(key)
        assert record is not None
        return record

    def firework_state(self, key: str) -> str:
        document = self.launchpad.fireworks.find_one({"fw_id": self.record(key).firework})
        return str(document["state"])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    clock = ShiftedClock()
    with hosted(tmp_path / "db") as uri:
        launchpad = open_launchpad(uri)
        prepare_launchpad(launchpad)
        key = load_or_make_key(tmp_path / "key")
        workflows = LaunchPadWorkflows(launchpad, key, clock)
        ledger = Ledger(launchpad.connection, "atomloop", workflows, clock)
        ledger.prepare()
        yield Site(uri, tmp_path, key, launchpad, ledger, clock)
        launchpad.connection.close()


@pytest.fixture
def spec() -> Callable[..., JobSpec]:
    """Makes job specifications; the ROI's name tells the quick engine what to do."""
    return make_spec
