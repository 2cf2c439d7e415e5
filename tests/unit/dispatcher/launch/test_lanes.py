"""Several launchers in one process, and what becomes of the processes under them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim_dispatcher.launch.descendants import children_of
from sim_dispatcher.launch.lanes import plan_lanes, run_lanes
from sim_dispatcher.launch.routing import LOCAL, LONG, QUICK
from sim_dispatcher.ledger import JobSpec

Spec = Callable[..., JobSpec]
URGENT = 1000.0


def long(spec: Spec, number: int) -> JobSpec:
    return spec(f"long-{number}", "slow", level="gfn1", recipe="md", priority=50.0)


def test_no_job_waits_behind_a_longer_one(site: Any, spec: Spec) -> None:
    for number in range(3):
        site.ledger.submit(long(spec, number))
    with site.lanes(1, URGENT):
        site.wait_for(lambda: site.record("long-0").state == "running")
        site.ledger.submit(spec("relaxing", "slow", level="gfn1"))
        site.wait_for(lambda: site.record("relaxing").state == "running")
        for number in range(5):
            site.ledger.submit(spec(f"quick-{number}"))
            assert site.end_of(f"quick-{number}").state == "done"
        assert site.record("long-0").state == "running"
        assert site.record("long-1").state == "queued"
    assert site.record("long-0").worker == "w-1"
    assert site.record("relaxing").worker == "w-prompt"
    assert site.record("quick-0").worker == "w-quick"


def test_what_the_operator_picks_does_not_wait_behind_what_nobody_picked(
    site: Any, spec: Spec
) -> None:
    for number in range(2):
        site.ledger.submit(long(spec, number))
    site.ledger.submit(spec("picked", level="gfn1", recipe="md"))
    with site.lanes(1, URGENT):
        site.wait_for(lambda: site.record("long-0").state == "running")
        assert site.record("picked").state == "queued"
        site.ledger.prioritise("picked", URGENT + 0.5)
        record = site.end_of("picked")
    assert (record.state, record.worker) == ("done", "w-prompt")


def test_stopped_lanes_give_their_jobs_back(site: Any, spec: Spec) -> None:
    for number in range(2):
        site.ledger.submit(spec(f"long-{number}", "slow", level="gfn1"))
    with site.lanes(2, URGENT):
        for number in range(2):
            site.wait_for(lambda number=number: site.record(f"long-{number}").progress is not None)
    assert {site.record(f"long-{number}").state for number in range(2)} == {"queued"}
    assert {site.firework_state(f"long-{number}") for number in range(2)} == {"READY"}


def test_the_lanes_of_a_host_serve_everything_between_them() -> None:
    lanes = plan_lanes(2, URGENT)
    assert [lane.name for lane in lanes] == ["quick", "prompt", "1", "2"]
    assert lanes[0].categories == (QUICK,)
    assert [lane.picked for lane in lanes] == [(), (LONG,), (), ()]
    assert set(lanes[1].categories + lanes[1].picked) == {QUICK, LOCAL, LONG}
    assert all(lane.categories == (LOCAL, LONG) for lane in lanes[2:])
    assert [lane.warm for lane in lanes] == [True, True, False, False]


def test_a_lane_that_fails_ends_the_others_and_says_why() -> None:
    stop, closed = threading.Event(), []

    class Launcher:
        def __init__(self, name: str) -> None:
            self.name = name

        def run(self, stop: threading.Event) -> None:
            if self.name == "quick":
                raise RuntimeError("no disk")
            stop.wait()

        def close(self) -> None:
            closed.append(self.name)

    def make(lane: Any) -> Any:
        return Launcher(lane.name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "excepthook", lambda _: None)
        with pytest.raises(RuntimeError, match="no disk"):
            run_lanes(plan_lanes(1, URGENT), make, stop)
    assert closed == ["quick", "prompt", "1"]


def test_a_cancelled_job_takes_its_grandchildren_with_it(site: Any, spec: Spec) -> None:
    site.ledger.submit(spec("a", "tree"))
    with site.launcher("w") as engine:
        site.wait_for(lambda: len(family(engine.pid)) == 3)
        members = family(engine.pid)
        site.ledger.cancel("a", "The defect is gone.")
        site.wait_for(lambda: not any(map(runs, members)))
    assert site.record("a").state == "cancelled"


def test_a_job_that_needs_too_much_memory_fails_alone_and_says_so(site: Any, spec: Spec) -> None:
    site.ledger.submit(spec("a", "eats", priority=1.0))
    site.ledger.submit(spec("b"))
    with site.launcher("w", memory_MB=800):
        first, second = site.end_of("a"), site.end_of("b")
    assert first.state == "failed"
    assert first.reason is not None
    assert "800 MB" in first.reason
    assert first.remedy is not None
    assert second.state == "done"


def family(pid: int | None) -> list[int]:
    """Return a process and all that came from it."""
    if pid is None:
        return []
    return [pid, *(found for child in children_of(pid) for found in family(child))]


def runs(pid: int) -> bool:
    """Tell whether a process still runs."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_a_launcher_starts_without_the_chemistry_its_engine_imports() -> None:
    """Each Slurm job starts one: what it imports is time that an urgent job waits."""
    script = "import sys, sim_dispatcher.commands.launch; print(*sys.modules)"
    command = [sys.executable, "-W", "ignore", "-c", script]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in told.stdout.split()}
    assert not loaded & {"ase", "scipy", "networkx", "tblite", "xtb"}
