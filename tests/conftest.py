"""What holds for every test: seeds, one thread per library, loopback only, nothing left behind."""

from __future__ import annotations

import gc
import ipaddress
import os
import random
import shutil
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

if TYPE_CHECKING:
    import numpy as np

ROOT = Path(__file__).resolve().parent.parent
EVALUATION_DATA = Path(os.environ.get("ATOMLOOP_DATA", ROOT.parent / "shared" / "data"))
REMEDIES = {
    "atomai": ".venv/bin/python -m deploy.atomai_environment, then make test",
    "browser": "SYSTEM_PACKAGES=1 make test",
    "slurm": "as root, SYSTEM_PACKAGES=1 make test",
    "real_data": "ATOMLOOP_DATA=<folder of the evaluation frames> make test",
}
LEAK_GRACE_S = 5.0
THREAD_COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def pytest_configure() -> None:
    """Keep numerical libraries to one thread; they read this when first imported."""
    for name in THREAD_COUNTS:
        os.environ.setdefault(name, "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, and say why."""
    chromium = shutil.which("chromium")
    atomai = (ROOT / ".venv-atomai" / "atomloop-setup.json").exists()
    for item in items:
        if item.get_closest_marker("browser") and chromium is None:
            item.add_marker(pytest.mark.skip(reason="browser: Debian's chromium is not installed"))
        if item.get_closest_marker("atomai") and not atomai:
            item.add_marker(pytest.mark.skip(reason="atomai: its environment was not made here"))
        if item.get_closest_marker("real_data") and not EVALUATION_DATA.is_dir():
            item.add_marker(pytest.mark.skip(reason="real_data: no evaluation frames here"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each reason for skipping with the command that runs those tests."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason.removeprefix("Skipped: ")] += 1
    for reason, count in reasons.items():
        remedy = REMEDIES.get(reason.partition(":")[0], reason)
        terminalreporter.write_line(f"skipped {count}: {reason}. To run: {remedy}")


@pytest.fixture(autouse=True)
def _seeds() -> None:
    """Start every test from the same state of the generators that have one."""
    random.seed(20261122)


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """Undo what a service's start did to logging; its streams end with the test."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that gives every test the same numbers."""
    import numpy as np

    return np.random.default_rng(20261122)


@pytest.fixture(scope="session")
def evaluation_data() -> Path:
    """The folder of evaluation frames; skips where there is none."""
    if not EVALUATION_DATA.is_dir():
        pytest.skip("real_data: no evaluation frames here")
    return EVALUATION_DATA


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    """Refuse connections that leave the machine."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and not _is_loopback(str(address[0])):
            raise AssertionError(f"a test tried to reach {address[0]}, outside this machine")
        real(self, address)  # type: ignore[arg-type]  # whatever the caller handed to connect

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(autouse=True)
def _leaves_nothing_behind() -> Iterator[None]:
    """Fail a test that leaves a thread or a child process running."""
    threads, children = set(threading.enumerate()), _children()
    yield
    left = [thread for thread in threading.enumerate() if thread not in threads]
    for thread in left:
        if not thread.daemon:
            thread.join(LEAK_GRACE_S)
    alive = [thread.name for thread in left if thread.is_alive() and not thread.daemon]
    assert not alive, f"threads left behind: {alive}"
    if _children() - children:
        gc.collect()
    processes = {pid: _command(pid) for pid in _children() - children}
    assert not processes, f"child processes left behind: {processes}"


def _children() -> set[int]:
    """Process numbers of this process's living children."""
    pids: set[int] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        try:
            pids.update(int(pid) for pid in task.read_text().split())
        except OSError:  # the thread has just ended
            continue
    return pids


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "ended just now"
