"""A disk that is really full: nothing is lost, and nothing fails that could wait."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.clock import SystemClock
from sim_dispatcher.database.hosting import hosted
from sim_dispatcher.failures import FailureKind
from sim_dispatcher.launch.assembly import connect, open_launcher
from sim_dispatcher.launch.engine_process import EngineProcess
from sim_dispatcher.launch.launcher import LauncherSettings
from sim_dispatcher.launch.signing import load_or_make_key
from sim_dispatcher.launch.workflows import LaunchPadWorkflows
from sim_dispatcher.ledger import JobSpec, Ledger

ENGINE = (sys.executable, "-S", str(Path(__file__).with_name("scripted_engine.py")))
PATIENCE_S = 30.0


def mounted(folder: Path, options: str) -> None:
    """Mount, or resize, a file system in memory."""
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("disk: this user may not mount a small file system")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted(folder, "size=1m,nr_inodes=3")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def launching(uri: str, folder: Path, disk: Path) -> Iterator[None]:
    """Run a launcher whose jobs' folders are on the disk."""
    stop, engine = threading.Event(), EngineProcess(folder / "engine.log", command=ENGINE)
    settings = LauncherSettings("w", disk)
    launcher = open_launcher(uri, folder / "key", settings, engine, SystemClock())
    thread = threading.Thread(target=launcher.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        launcher.close()


@contextmanager
def ledger_of(uri: str, folder: Path) -> Iterator[Ledger]:
    """A ledger with one job waiting."""
    launchpad, clock = connect(uri, None), SystemClock()
    workflows = LaunchPadWorkflows(launchpad, load_or_make_key(folder / "key"), clock)
    ledger = Ledger(launchpad.connection, launchpad.name, workflows, clock)
    ledger.prepare()
    spec = JobSpec(
        key="a", roi="answers.-.0", recipe="relax", level="gfnff", structure="1\n\nC 0 0 0\n",
        frame="0" * 64, model="1" * 64, created_at_ns=1,
    )  # fmt: skip
    ledger.submit(spec)
    yield ledger
    launchpad.connection.close()


def wait_for(condition: Callable[[], Any]) -> None:
    """Look every few milliseconds until something holds."""
    ticker, deadline = threading.Event(), SystemClock().monotonic_s() + PATIENCE_S
    while not condition():
        assert SystemClock().monotonic_s() < deadline, "it did not happen in time"
        ticker.wait(0.02)


def state_of(ledger: Ledger) -> str:
    record = ledger.get("a")
    assert record is not None
    return record.state


def test_a_launcher_without_room_leaves_jobs_to_others_until_there_is(
    tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim_dispatcher.launch.launcher.RETRY_S", 0.05)
    with (
        hosted(tmp_path / "db") as uri,
        ledger_of(uri, tmp_path) as ledger,
        launching(uri, tmp_path, disk),
    ):
        threading.Event().wait(0.5)
        assert state_of(ledger) == "queued"
        mounted(disk, "remount,size=200m,nr_inodes=1000")
        wait_for(lambda: state_of(ledger) == "done")


def test_a_job_whose_folder_cannot_be_made_ends_with_that_reason(
    tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim_dispatcher.launch.launcher.LEAST_FREE_BYTES", 0)
    for number in range(2):
        (disk / f"full-{number}").touch()
    with (
        hosted(tmp_path / "db") as uri,
        ledger_of(uri, tmp_path) as ledger,
        launching(uri, tmp_path, disk),
    ):
        wait_for(lambda: state_of(ledger) == "failed")
        record = ledger.get("a")
    assert record is not None
    assert record.tries == {FailureKind.DISK: 1}
    assert record.reason is not None
    assert "No space left on device" in record.reason
    assert record.remedy is not None
    assert "Make room" in record.remedy
