"""What dispatching costs, chemistry aside: our ledger and launcher beside FireWorks' own rapidfire.

Both work on one embedded database, each in a LaunchPad of its own in which 5,000 jobs wait, with an
engine, or a task, that does nothing. Ours reserves, signs, fences and survives a kill anywhere;
theirs is none of that. What is compared is the price, in processor time of client and database
together, which a busy machine leaves alone; `python tests/benchmarks/jobs.py` gives wall times.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import structlog

from shared.clock import SystemClock
from shared.messages.simulation import SimulationResult
from sim_dispatcher.launch.assembly import open_launcher, open_ledger
from sim_dispatcher.launch.engine_process import EngineProcess
from sim_dispatcher.launch.launcher import Launcher, LauncherSettings
from sim_dispatcher.launch.orders import EngineAnswer, EngineMessage, EngineOrder
from sim_dispatcher.ledger import JobAnswer, JobSpec, Ledger

WAITING = 5000
TURN = 50
"""Jobs per turn of a side."""
XYZ = "116\n\n" + "C 0.000000 0.000000 0.000000\n" * 116
"""As large as the 91-carbon patch."""

THEIRS = """
import logging, sys
from time import process_time
from fireworks import Firework, FWorker, LaunchPad, Workflow, FiretaskBase, explicit_serialize
from fireworks.core.rocket_launcher import rapidfire
logging.disable(logging.CRITICAL)
uri, what, number, folder = sys.argv[1:5]
launchpad = LaunchPad(host=uri, name="theirs", uri_mode=True, strm_lvl="CRITICAL")
sys.path.insert(0, folder)
from idle_task import IdleTask
def one(i):
    spec = {"structure": sys.stdin_text, "_priority": float(i % 7)}
    return Workflow([Firework(IdleTask(), spec=spec, name=f"j{i}")], metadata={"job": f"j{i}"})
sys.stdin_text = sys.stdin.read()
flows = [one(i) for i in range(int(number))]
began = process_time()
if what == "fill":
    launchpad.reset("", require_password=False)
    launchpad.bulk_add_wfs(flows)
elif what == "add":
    for flow in flows:
        launchpad.add_wf(flow)
else:
    began = process_time()
    rapidfire(launchpad, FWorker(), m_dir=folder, nlaunches=int(number), sleep_time=0,
              strm_lvl="CRITICAL")
print(process_time() - began)
"""

IDLE_TASK = """
from fireworks import FiretaskBase, FWAction, explicit_serialize
@explicit_serialize
class IdleTask(FiretaskBase):
    def run_task(self, fw_spec):
        return FWAction()
"""


class IdleEngine(EngineProcess):
    """An engine that has the answer at once."""

    def start(self) -> None:
        """Do nothing."""

    def order(self, order: EngineOrder) -> None:
        """Remember what was asked for."""
        self._asked = order

    def receive(self, timeout_s: float) -> EngineMessage:
        """Return an answer of the usual size."""
        del timeout_s
        result = SimulationResult(
            recipe="relax", level=self._asked.spec.level, energy_eV=-1.5, formation_eV=None,
            reference=None, bonds_A={}, rings={"before": {}, "after": {}}, converged=True,
            steps=1, fmax_eV_A=0.01, wall_s=0.0, cpu_s=0.0,
        )  # fmt: skip
        return EngineAnswer(answer=JobAnswer(result=result, structure=XYZ, software="idle"))


class Desk:
    """Both sides on one database process, each with its 5,000 jobs waiting."""

    def __init__(self, folder: Path, uri: str, server: int) -> None:
        self._folder, self._uri, self._server = folder, uri, server
        (folder / "idle_task.py").write_text(IDLE_TASK)
        engine, clock = IdleEngine(folder / "engine.log"), SystemClock()
        settings = LauncherSettings("bench", folder / "jobs")
        self._ledger: Ledger = open_ledger(uri, folder / "key", clock)
        self._launcher: Launcher = open_launcher(uri, folder / "key", settings, engine, clock)
        self._numbers = count()
        for _ in range(WAITING):
            self.submit()

    def launch(self) -> None:
        """Take one job of ours from ready to completed."""
        self._launcher.launch_next(threading.Event())

    def submit(self) -> None:
        """Submit one job of ours."""
        number = next(self._numbers)
        spec = JobSpec(
            key=f"j{number}", roi="r", recipe="relax", level="gfn1", structure=XYZ,
            frame="0" * 64, model="1" * 64, created_at_ns=1, priority=float(number % 7),
        )  # fmt: skip
        self._ledger.submit(spec)

    def ours(self, work: Callable[[], None]) -> float:
        """Return the processor time of some of our jobs, client and database, ms per job."""
        began, served = process_time(), self._served_s()
        for _ in range(TURN):
            work()
        return 1e3 * (process_time() - began + self._served_s() - served) / TURN

    def theirs(self, what: str, number: int = TURN) -> float:
        """Return the same of FireWorks doing something so many times."""
        served = self._served_s()
        command = [sys.executable, "-W", "ignore", "-c", THEIRS, self._uri, what, str(number)]
        done = subprocess.run(
            [*command, str(self._folder)], input=XYZ, capture_output=True, text=True, check=True,
            cwd=self._folder,
        )  # fmt: skip
        own = float(done.stdout.split()[-1])
        return 1e3 * (own + self._served_s() - served) / number

    def _served_s(self) -> float:
        stat = Path(f"/proc/{self._server}/stat").read_text("ascii", "replace")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End the launcher's connection."""
        self._launcher.close()


@contextmanager
def _desk() -> Iterator[Desk]:
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory(prefix="jobs-") as name:
        folder = Path(name)
        command = [sys.executable, "-m", "sim_dispatcher", "database", "--path", str(folder / "db")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
            said = b"" if server.stdout is None else server.stdout.readline()
            try:
                desk = Desk(folder, said.decode().split()[-1], server.pid)
                yield desk
                desk.close()
            finally:
                server.terminate()


_OPEN: dict[int, Desk] = {}


def open_desk(open_until: ExitStack) -> Desk:
    """Return the desk of a run of benchmarks, set up when first asked for."""
    key = id(open_until)
    if key not in _OPEN:
        _OPEN[key] = open_until.enter_context(_desk())
    return _OPEN[key]


def job_launch(open_until: ExitStack) -> tuple[Callable[[], float], Callable[[], float]]:
    """Return both ways from a waiting job to a completed one, in ms of processor time per job."""
    desk = open_desk(open_until)
    desk.theirs("fill", WAITING)
    return lambda: desk.ours(desk.launch), lambda: desk.theirs("launch")


def job_submission(open_until: ExitStack) -> tuple[Callable[[], float], Callable[[], float]]:
    """Return both ways to submit, in ms of processor time per job."""
    desk = open_desk(open_until)
    return lambda: desk.ours(desk.submit), lambda: desk.theirs("add")


def _alone() -> dict[str, Any]:
    """Return wall and processor times of ours, without the table of all benchmarks."""
    with ExitStack() as open_until:
        desk = open_desk(open_until)
        told: dict[str, Any] = {"waiting": WAITING}
        for name, work in (("launch", desk.launch), ("submit", desk.submit)):
            began = perf_counter()
            told[f"{name}_cpu_ms"] = round(desk.ours(work), 2)
            told[f"{name}_wall_ms"] = round(1e3 * (perf_counter() - began) / TURN, 2)
    return {**told, "jobs_per_s": round(1e3 / told["launch_wall_ms"], 1)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_alone()) + "\n")
