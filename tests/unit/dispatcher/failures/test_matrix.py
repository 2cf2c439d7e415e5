"""Every way to fail, through the real ledger, LaunchPad and launcher: one end each, with a reason.

Signals, exit codes, address-space limits and hanging processes are real; what only chemistry can
do, a scripted engine reports as the real one would.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shared.clock import SystemClock
from shared.messages.simulation import JobState, Level
from sim_dispatcher.database.hosting import hosted
from sim_dispatcher.failures import MAX_ATTEMPTS, FailureKind
from sim_dispatcher.launch.assembly import connect, open_launcher
from sim_dispatcher.launch.engine_process import EngineProcess
from sim_dispatcher.launch.launcher import LauncherSettings
from sim_dispatcher.launch.signing import load_or_make_key
from sim_dispatcher.launch.workflows import LaunchPadWorkflows
from sim_dispatcher.ledger import FINAL, JobRecord, JobSpec, Ledger

ENGINE = (sys.executable, "-S", str(Path(__file__).with_name("scripted_engine.py")))
PATIENCE_S = 60.0
HANGS_AFTER_S = 2.0


@dataclass(frozen=True)
class Row:
    """What an engine does, and what is to become of the job."""

    script: str
    state: JobState
    tries: dict[FailureKind, int]
    reason: str = ""
    changed: dict[str, Any] = field(default_factory=dict)
    level: Level = "gfn1"


K = FailureKind
ROWS = {
    "the field swings, and calms": Row(
        "code.scf-not-converged.1", "done", {K.SCF: 1}, changed={"mixing": 0.2}
    ),
    "the field never calms": Row(
        "code.scf-not-converged.9", "failed", {K.SCF: 3}, "in the last of 4 attempts",
        {"implementation": 1},
    ),
    "the field of a plane-wave code never calms": Row(
        "code.scf-not-converged.9", "failed", {K.SCF: 3}, "no self-consistent state",
        {"k_points_factor": 2, "implementation": 0}, "gpaw",
    ),
    "a force field has nothing to calm": Row(
        "code.scf-not-converged.9", "failed", {}, "no self-consistent state", level="gfnff"
    ),
    "forces are not numbers, once": Row(
        "code.not-a-number.1", "done", {K.FORCES: 1}, changed={"timestep_factor": 0.5}
    ),
    "forces are never numbers": Row(
        "code.not-a-number.9", "failed", {K.FORCES: 2}, "were not numbers"
    ),
    "the geometry explodes, once": Row(
        "code.exploded.1", "done", {K.EXPLODED: 1}, changed={"max_step_A": 0.05}
    ),
    "the geometry always explodes": Row("code.exploded.9", "failed", {K.EXPLODED: 2}, "flew apart"),
    "the cluster falls apart": Row("code.fragments.9", "failed", {K.EXPLODED: 2}, "flew apart"),
    "its time is up three times": Row(
        "unfinished.-.3", "done", {K.WALLTIME: 3}, changed={"attempt": 1, "resume": True}
    ),
    "the kernel ends it for its processor time": Row("signal.SIGXCPU.1", "done", {K.WALLTIME: 1}),
    "memory runs out, once": Row("memory.-.1", "done", {K.MEMORY: 1}),
    "memory always runs out": Row("memory.-.9", "failed", {K.MEMORY: 1}, "Memory ran out"),
    "it is killed for memory": Row("signal.SIGKILL.9", "failed", {K.MEMORY: 1}, "was killed"),
    "it crashes, twice": Row(
        "signal.SIGSEGV.2", "done", {K.CRASHED: 2}, changed={"implementation": 1}
    ),
    "it always exits": Row("exit.3.9", "failed", {K.CRASHED: 2}, "exit code 3"),
    "it hangs": Row("hangs.-.9", "failed", {K.HUNG: 1}, "did not move on"),
    "it babbles, once": Row("says.nonsense.1", "done", {K.MALFORMED: 1}),
    "it always says half an answer": Row("says.half.9", "failed", {K.MALFORMED: 1}, "malformed"),
    "it answers another question": Row(
        "alien.recipe.9", "failed", {K.MALFORMED: 1}, "does not fit the job: it is of md"
    ),
    "it answers with no number, once": Row("alien.energy.1", "done", {K.MALFORMED: 1}),
    "the disk is full, once": Row("code.disk-full.1", "done", {K.DISK: 1}),
    "the disk is always full": Row("code.disk-full.9", "failed", {K.DISK: 1}, "no room"),
    "the level is not installed": Row(
        "code.level-unavailable.9", "failed", {}, "It ended by level-unavailable."
    ),
    "the structure makes no sense": Row("code.structure.9", "failed", {}, "It ended by structure."),
    "something else": Row("code.something-new.9", "failed", {}, "It ended by something-new."),
    "all is well": Row("answers.-.0", "done", {}),
}  # fmt: skip


def spec_of(name: str, row: Row) -> JobSpec:
    """Return the job of a row; its level decides which of the launcher's lanes takes it."""
    return JobSpec(
        key=f"job-{list(ROWS).index(name)}", roi=row.script, recipe="relax", level=row.level,
        structure="1\n\nC 0 0 0\n", frame="0" * 64, model="1" * 64, created_at_ns=1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[JobRecord, str]]]:
    """Run all rows through two launchers; return each one's record and its firework's state."""
    folder, clock = tmp_path_factory.mktemp("matrix"), SystemClock()
    with hosted(folder / "db") as uri, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sim_dispatcher.launch.flight.IDLE_S", HANGS_AFTER_S)
        launchpad = connect(uri, None)
        workflows = LaunchPadWorkflows(launchpad, load_or_make_key(folder / "key"), clock)
        ledger = Ledger(launchpad.connection, launchpad.name, workflows, clock)
        ledger.prepare()
        for name, row in ROWS.items():
            ledger.submit(spec_of(name, row))
        stop, threads, launchers = threading.Event(), [], []
        for worker in ("one", "two"):
            engine = EngineProcess(folder / f"{worker}.log", command=ENGINE)
            settings = LauncherSettings(worker, folder / "jobs")
            launcher = open_launcher(uri, folder / "key", settings, engine, clock)
            threads.append(threading.Thread(target=launcher.run, args=(stop,), daemon=True))
            threads[-1].start()
            launchers.append(launcher)
        _wait(ledger)
        stop.set()
        for thread in threads:
            thread.join()
        for launcher in launchers:
            launcher.close()
        states = {one["name"]: one["state"] for one in launchpad.fireworks.find()}
        records = {record.key: record for record in ledger.changes(0)}
        keys = {name: spec_of(name, row).key for name, row in ROWS.items()}
        yield {name: (records[key], states[key]) for name, key in keys.items()}
        launchpad.connection.close()


def _wait(ledger: Ledger) -> None:
    """Wait until every job and its firework have ended."""
    ticker, clock = threading.Event(), SystemClock()
    deadline = clock.monotonic_s() + PATIENCE_S
    while any(record.state not in FINAL for record in ledger.changes(0)):
        assert clock.monotonic_s() < deadline, "some jobs did not end"
        ticker.wait(0.05)


@pytest.mark.parametrize("name", ROWS)
def test_a_job_comes_to_the_end_that_the_policy_promises(
    ends: dict[str, tuple[JobRecord, str]], name: str
) -> None:
    row, (record, firework) = ROWS[name], ends[name]
    assert (record.state, record.tries) == (row.state, row.tries)
    assert firework == {"done": "COMPLETED", "failed": "FIZZLED"}[row.state]
    assert record.adjustments.attempt <= MAX_ATTEMPTS
    assert len(record.attempts) == sum(row.tries.values())
    told = record.adjustments.model_dump()
    assert told | row.changed == told
    if row.state == "failed":
        assert record.remedy
        assert record.reason is not None
        assert row.reason in record.reason
        assert record.result is None
    else:
        assert record.reason is None
        assert json.loads(record.settings or "") == record.adjustments.model_dump(mode="json")


def test_what_the_attempts_cost_is_on_the_record(
    ends: dict[str, tuple[JobRecord, str]],
) -> None:
    record, _ = ends["it hangs"]
    assert record.spent_wall_s >= 2 * HANGS_AFTER_S
    (first,) = record.attempts
    assert first.wall_s >= HANGS_AFTER_S
    assert first.next == "the same again in a fresh process"


def test_a_checkpoint_goes_along_from_attempt_to_attempt(
    ends: dict[str, tuple[JobRecord, str]],
) -> None:
    record, _ = ends["its time is up three times"]
    assert [attempt.reason for attempt in record.attempts] == [
        f"It stopped at its checkpoint of step {step}." for step in (10, 20, 30)
    ]


def test_the_operator_is_told_which_attempt_it_is(
    ends: dict[str, tuple[JobRecord, str]],
) -> None:
    record, _ = ends["it crashes, twice"]
    assert record.as_job().attempt == 3
    again = record.model_copy(update={"state": "running"}).as_job()
    assert again.reason is not None
    assert again.reason.startswith("Attempt 3: another implementation of the level. Before: The")
