"""Services as process groups: stopping leaves nothing, not even after a kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.demo.processes import ServiceProcess, stop_in_waves
from deploy.demo.signals import Signals

ROOT = Path(__file__).resolve().parents[3]
STUBBORN = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print("ready", child.pid, flush=True)
signal.pause()
"""
POLITE = "import signal; print('ready', flush=True); signal.pause()"
SUPERVISOR = """
import subprocess, sys
undertaker = subprocess.Popen(
    [sys.executable, "-m", "deploy.demo.undertaker", "0.5"],
    stdin=subprocess.PIPE,
    start_new_session=True,
)
service = subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=True)
undertaker.stdin.write(f"{service.pid}\\n".encode())
undertaker.stdin.flush()
print("pids", service.pid, undertaker.pid, flush=True)
service.wait()
"""
ADOPTER = """
import subprocess, sys
from deploy.demo.orphans import adopt_orphans, end_orphans
adopt_orphans()
helper = [sys.executable, "-c", "import signal; signal.pause()"]
start = f'''import subprocess
print(subprocess.Popen({helper!r}, start_new_session=True, stdout=2).pid)'''
ended = subprocess.run([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True)
print(ended.stdout.strip(), flush=True)
print(end_orphans(frozenset()))
"""


def started(name: str, script: str, folder: Path, signals: Signals) -> ServiceProcess:
    service = ServiceProcess(name, [sys.executable, "-c", script], folder / f"{name}.log", {})
    deadline = time.monotonic() + 20
    while not service.last_lines() and time.monotonic() < deadline:
        signals.wait(0.02)
    return service


def test_a_service_that_ends_when_asked_is_not_killed(tmp_path: Path) -> None:
    with Signals() as signals:
        service = started("polite", POLITE, tmp_path, signals)
        assert service.exit_status() is None
        assert stop_in_waves([[service]], signals) == []
    assert service.exit_status() == -signal.SIGTERM
    assert not service.has_members()


def test_a_service_that_ignores_the_request_is_killed_with_its_descendants(tmp_path: Path) -> None:
    with Signals() as signals:
        service = started("stubborn", STUBBORN, tmp_path, signals)
        assert stop_in_waves([[service]], signals, grace_s=0.2) == ["stubborn"]
        assert service.exit_status() == -signal.SIGKILL
        assert not service.has_members()


def test_a_service_that_died_is_recognised_with_its_last_words(tmp_path: Path) -> None:
    script = "print('ready', flush=True); raise SystemExit('port 8600 is in use')"
    with Signals() as signals:
        service = started("brief", script, tmp_path, signals)
        while service.exit_status() is None:
            signals.wait(0.05)
    assert service.exit_status() == 1
    assert "port 8600 is in use" in service.last_lines()[-1]


def test_a_request_to_stop_is_noted_and_ends_the_wait() -> None:
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        signals.wait(20)
        assert signals.stop == signal.SIGTERM


@pytest.mark.parametrize("script", [POLITE, STUBBORN], ids=["polite", "stubborn"])
def test_the_undertaker_ends_services_whose_supervisor_was_killed(script: str) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, script], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    with supervisor, Signals() as signals:
        assert supervisor.stdout
        lines = sorted(supervisor.stdout.readline().split() for _ in range(2))
        assert [line[0] for line in lines] == ["pids", "ready"]
        service, undertaker = map(int, lines[0][1:])
        supervisor.kill()
        deadline = time.monotonic() + 20
        while any(map(exists, (service, undertaker))) and time.monotonic() < deadline:
            signals.wait(0.05)
        assert not exists(service)
        assert not exists(undertaker)


def test_a_helper_in_a_session_of_its_own_ends_with_the_supervisor() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ADOPTER], capture_output=True, text=True, cwd=ROOT, check=True
    )
    helper, count = map(int, ended.stdout.split())
    assert count == 1
    assert not exists(helper)


def exists(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
