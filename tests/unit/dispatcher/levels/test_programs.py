"""Programs of chemistry as child processes: alive between points, gone with their engine."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from shared.errors import NotConvergedError, SimulationError
from sim_dispatcher.levels.programs.process import run_program
from sim_dispatcher.levels.programs.worker import WorkerPotential
from sim_dispatcher.levels.scratch import WorkingFolder

POSITIONS_A = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])

WORKER = """
import json, os, sys
setup = json.loads(sys.stdin.readline())
for line in sys.stdin:
    width = json.loads(line)[1][0]
    if width > 5:
        print("out of luck", file=sys.stderr)
        sys.exit(3)
    reply = {"energy_eV": os.getpid(), "forces_eV_A": [[setup["slope"], 0, 0], [0, 0, 0]]}
    if width > 3:
        reply = {"error": "no minimum", "unsettled": width > 4}
    print(json.dumps(reply), flush=True)
"""

STARTER = """
import sys, tempfile, time
from pathlib import Path
from sim_dispatcher.levels.programs.process import start_program
with tempfile.TemporaryFile() as log:
    child = start_program(["/bin/sleep", "60"], Path("/"), log)
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def potential() -> Iterator[WorkerPotential]:
    started = WorkerPotential("stand-in", (sys.executable, "-c", WORKER), {"slope": 0.5})
    yield started
    started.close()


def test_a_worker_stays_between_points_and_knows_its_setup(potential: WorkerPotential) -> None:
    one, other = potential.evaluate(POSITIONS_A), potential.evaluate(POSITIONS_A * 2)
    assert one.energy_eV == other.energy_eV
    assert one.forces_eV_A[0, 0] == 0.5


def test_a_worker_that_dies_is_reported_and_followed_by_another(
    potential: WorkerPotential,
) -> None:
    before = potential.evaluate(POSITIONS_A).energy_eV
    with pytest.raises(SimulationError, match="stand-in ended without an answer: out of luck"):
        potential.evaluate(POSITIONS_A * 6)
    assert potential.evaluate(POSITIONS_A).energy_eV != before


def test_what_a_worker_says_of_a_point_becomes_the_right_error(potential: WorkerPotential) -> None:
    with pytest.raises(NotConvergedError, match="stand-in gave no energy: no minimum"):
        potential.evaluate(POSITIONS_A * 4.5)
    with pytest.raises(SimulationError) as caught:
        potential.evaluate(POSITIONS_A * 3.5)
    assert not isinstance(caught.value, NotConvergedError)


def test_a_closed_potential_leaves_no_process(potential: WorkerPotential) -> None:
    number = int(potential.evaluate(POSITIONS_A).energy_eV)
    potential.close()
    assert not Path("/proc", str(number)).exists()


def test_a_program_ends_with_the_process_that_started_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout
        child = Path("/proc", starter.stdout.readline().strip())
        assert child.exists()
        starter.kill()
    pause = threading.Event()
    while not _gone(child):
        pause.wait(0.01)  # the suite's own time-out ends a vain wait


def _gone(process: Path) -> bool:
    """Say whether a process has ended, even where nobody asked how."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_program_uses_the_threads_that_the_engine_may(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os; print(os.environ['OMP_NUM_THREADS'])"]
    with threadpool_limits(limits=1):
        assert run_program(command, tmp_path, "out") == "1\n"


def test_a_program_ended_by_a_signal_is_told_apart_from_one_that_complains(tmp_path: Path) -> None:
    assert run_program(["/bin/sh", "-c", "echo no; exit 1"], tmp_path, "out") == "no\n"
    with pytest.raises(SimulationError, match="sh was ended by signal 9"):
        run_program(["/bin/sh", "-c", "kill -9 $$"], tmp_path, "out")


def test_folders_of_the_dead_are_swept_and_those_of_the_living_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with subprocess.Popen(["/bin/true"]) as ended:
        pass
    dead = tmp_path / f"atomloop-level-{ended.pid}-abc"
    alive = tmp_path / f"atomloop-level-{os.getpid()}-abc"
    for folder in (dead, alive):
        folder.mkdir()
    own = WorkingFolder()
    assert not dead.exists()
    assert alive.exists()
    path = own.path
    del own
    assert not path.exists()
