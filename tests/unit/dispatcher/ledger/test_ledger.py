"""What the ledger promises, through crashes at every step and concurrent writers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import AutoReconnect

from shared.errors import DatabaseError
from shared.messages.simulation import SimulationResult
from sim_dispatcher.database.hosting import hosted
from sim_dispatcher.failures import FailureKind, is_lawful
from sim_dispatcher.ledger import (
    LEASE_S,
    DatabaseAwayError,
    Failure,
    JobAnswer,
    JobProgress,
    JobSpec,
    Ledger,
    Spent,
    is_outage,
)

Spec = Callable[..., JobSpec]
Client = MongoClient[dict[str, Any]]

ANSWER = JobAnswer(
    result=SimulationResult(
        recipe="relax", level="gfn1", energy_eV=-5.0, formation_eV=None, reference=None,
        bonds_A={"C-C": {"mean": 1.4, "min": 1.3, "max": 1.5, "n": 3}},
        rings={"before": {"6": 1}, "after": {"5": 2}}, converged=True, steps=3, fmax_eV_A=0.01,
        wall_s=1.0, cpu_s=1.0,
    ),
    structure="1\n\nC 0 0 0\n",
    software="test",
)  # fmt: skip

STEPS = [("stage", "before"), ("stage", "after"), ("open", "before"), ("open", "after")]


def claimed(ledger: Ledger, key: str = "job", worker: str = "w") -> Any:
    record = ledger.get(key)
    assert record is not None
    assert record.firework is not None
    return ledger.claim(key, worker, record.firework)


def test_a_job_goes_from_submission_to_answer(ledger: Ledger, spec: Spec, workflows: Any) -> None:
    record = ledger.submit(spec(priority=2.0))
    assert (record.state, record.firework, record.priority) == ("queued", 1, 2.0)
    assert workflows.fireworks[1]["open"]
    claim = claimed(ledger)
    assert (claim.state, claim.token, claim.worker) == ("running", 1, "w")
    assert ledger.beat("job", 1, JobProgress(step=4, energy_eV=-1.0, fmax_eV_A=0.2))
    assert ledger.finish("job", 1, ANSWER)
    done = ledger.get("job")
    assert done is not None
    assert (done.state, done.result, done.structure) == ("done", ANSWER.result, ANSWER.structure)
    assert done.progress == JobProgress(step=4, energy_eV=-1.0, fmax_eV_A=0.2)


def test_submitting_again_changes_nothing(ledger: Ledger, spec: Spec, workflows: Any) -> None:
    first = ledger.submit(spec())
    again = ledger.submit(spec(priority=5.0, created_at_ns=9))
    assert again == first
    assert len(workflows.fireworks) == 1


def test_a_key_is_never_two_computations(ledger: Ledger, spec: Spec) -> None:
    ledger.submit(spec())
    with pytest.raises(DatabaseError, match="another computation"):
        ledger.submit(spec(level="gfn2"))


def test_concurrent_submissions_make_one_workflow(
    ledger: Ledger, spec: Spec, workflows: Any
) -> None:
    threads = [threading.Thread(target=ledger.submit, args=(spec(),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(workflows.fireworks) == 1


@pytest.mark.parametrize("step", STEPS)
def test_a_submission_cut_short_anywhere_is_completed_once(
    ledger: Ledger, spec: Spec, workflows: Any, clock: Any, crash: type[Exception], step: Any
) -> None:
    workflows.crash_in = step
    with pytest.raises(crash):
        ledger.submit(spec())
    assert ledger.submit(spec()).state in ("reserved", "staged")
    assert ledger.reconcile() == 0
    clock.now_s += 31
    assert ledger.reconcile() == 1
    record = ledger.get("job")
    assert record is not None
    assert record.state == "queued"
    assert workflows.fireworks == {1: {"key": "job", "open": True, "state": "READY"}}
    assert ledger.reconcile() == 0


def test_only_one_launcher_gets_a_job(ledger: Ledger, spec: Spec) -> None:
    ledger.submit(spec())
    assert claimed(ledger, worker="one") is not None
    assert claimed(ledger, worker="two") is None


def test_a_copy_of_a_firework_is_not_claimed(ledger: Ledger, spec: Spec) -> None:
    ledger.submit(spec())
    assert ledger.claim("job", "w", firework=99) is None


def test_an_outdated_token_can_do_nothing(ledger: Ledger, spec: Spec, clock: Any) -> None:
    ledger.submit(spec())
    claimed(ledger, worker="lost")
    assert ledger.reconcile() == 0
    clock.now_s += LEASE_S
    assert ledger.reconcile() == 1
    claimed(ledger, worker="next")
    assert not ledger.beat("job", 1)
    assert not ledger.fail("job", 1, "x", "y")
    assert not ledger.release("job", 1)
    assert not ledger.finish("job", 1, ANSWER)
    record = ledger.get("job")
    assert record is not None
    assert (record.state, record.worker, record.late_results) == ("running", "next", 1)
    assert record.result is None
    assert ledger.finish("job", 2, ANSWER)


def test_finishing_twice_is_one_result_and_no_late_one(ledger: Ledger, spec: Spec) -> None:
    ledger.submit(spec())
    claimed(ledger)
    assert ledger.finish("job", 1, ANSWER)
    assert ledger.finish("job", 1, ANSWER)
    record = ledger.get("job")
    assert record is not None
    assert record.late_results == 0


def test_late_results_are_kept_up_to_a_bound_and_counted(
    ledger: Ledger, spec: Spec, client: Client
) -> None:
    ledger.submit(spec())
    ledger.cancel("job", "not wanted")
    for _ in range(12):
        assert not ledger.finish("job", 7, ANSWER)
    document = client.fw.atomloop_jobs.find_one({"_id": "job"})
    assert document is not None
    assert (len(document["late"]), document["late_results"]) == (8, 12)


def test_a_cancelled_job_takes_its_firework_along(
    ledger: Ledger, spec: Spec, workflows: Any
) -> None:
    ledger.submit(spec())
    record = ledger.cancel("job", "The beam healed it.")
    assert record is not None
    assert (record.state, record.reason) == ("cancelled", "The beam healed it.")
    assert workflows.fireworks[1]["state"] == "DEFUSED"
    assert claimed(ledger) is None
    assert ledger.cancel("unknown", "x") is None


def test_a_crash_between_result_and_firework_is_mended(
    ledger: Ledger, spec: Spec, workflows: Any, clock: Any, crash: type[Exception]
) -> None:
    ledger.submit(spec())
    claimed(ledger)
    ledger.finish("job", 1, ANSWER)
    workflows.crash_in = ("settle", "before")
    with pytest.raises(crash):
        ledger.settle("job")
    clock.now_s += 31
    assert ledger.reconcile() == 1
    assert workflows.fireworks[1]["state"] == "COMPLETED"
    assert ledger.reconcile() == 0


def test_a_job_whose_firework_was_defused_outside_fails_and_says_so(
    ledger: Ledger, spec: Spec, workflows: Any, clock: Any
) -> None:
    ledger.submit(spec())
    workflows.fireworks[1]["state"] = "DEFUSED"
    clock.now_s += 31
    assert ledger.reconcile() == 1
    record = ledger.get("job")
    assert record is not None
    assert record.state == "failed"
    assert record.reason == "Its firework 1 was defused outside AtomLoop."


def test_a_firework_that_fizzled_under_our_own_launcher_is_made_ready_again(
    ledger: Ledger, spec: Spec, workflows: Any, clock: Any
) -> None:
    ledger.submit(spec())
    assert ledger.release("job", claimed(ledger).token)
    workflows.fireworks[1]["state"] = "FIZZLED"
    clock.now_s += 31
    assert ledger.reconcile() == 1
    record = ledger.get("job")
    assert record is not None
    assert (record.state, workflows.fireworks[1]["state"]) == ("queued", "READY")
    assert record.tries == {FailureKind.INTERRUPTED: 1}
    assert is_lawful(record.tries, record.adjustments, record.spec.level)


def test_changes_come_in_order_and_each_once(ledger: Ledger, spec: Spec) -> None:
    for number in range(3):
        ledger.submit(spec(f"j{number}"))
    changes = ledger.changes(0)
    assert [record.key for record in changes] == ["j0", "j1", "j2"]
    seen = changes[-1].revision
    assert ledger.changes(seen) == []
    ledger.prioritise("j1", 4.0)
    (changed,) = ledger.changes(seen)
    assert (changed.key, changed.priority) == ("j1", 4.0)


def test_a_change_whose_number_is_missing_is_seen_and_numbered_later(
    ledger: Ledger, spec: Spec, client: Client
) -> None:
    ledger.submit(spec())
    seen = ledger.changes(0)[-1].revision
    client.fw.atomloop_jobs.update_one(
        {"_id": "job"}, {"$set": {"priority": 3.0, "unstamped": True}, "$unset": {"revision": ""}}
    )
    (early,) = ledger.changes(seen)
    assert (early.revision, early.priority) == (0, 3.0)
    ledger.reconcile()
    (numbered,) = ledger.changes(seen)
    assert numbered.revision > seen
    assert ledger.changes(numbered.revision) == []


def test_a_poller_misses_no_final_state_of_concurrent_writers(ledger: Ledger, spec: Spec) -> None:
    keys = [f"j{number}" for number in range(12)]
    for key in keys:
        ledger.submit(spec(key))

    def work(mine: list[str]) -> None:
        for key in mine:
            token = claimed(ledger, key).token
            for step in range(3):
                ledger.beat(key, token, JobProgress(step=step))
            ledger.finish(key, token, ANSWER)

    threads = [threading.Thread(target=work, args=(keys[i::3],)) for i in range(3)]
    for thread in threads:
        thread.start()
    since, last = 0, {}
    while threads:
        threads = [thread for thread in threads if thread.is_alive()]
        for record in ledger.changes(since):
            since, last[record.key] = max(since, record.revision), record.state
    assert last == dict.fromkeys(keys, "done")


def test_prioritising_reaches_the_queue_and_not_an_ended_job(
    ledger: Ledger, spec: Spec, workflows: Any
) -> None:
    ledger.submit(spec())
    ledger.prioritise("job", 7.0)
    assert workflows.fireworks[1]["priority"] == 7.0
    ledger.cancel("job", "x")
    ledger.prioritise("job", 9.0)
    assert workflows.fireworks[1]["priority"] == 7.0


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_a_clock_that_is_set_takes_no_job_from_a_living_launcher(
    ledger: Ledger, spec: Spec, clock: Any, step_s: float
) -> None:
    ledger.submit(spec())
    token = claimed(ledger).token
    ledger.reconcile()
    clock.step_s = step_s
    for _ in range(10):
        clock.now_s += 30
        assert ledger.beat("job", token)
        assert ledger.reconcile() == 0
    assert ledger.finish("job", token, ANSWER)


def test_a_database_that_is_away_is_said_to_be_and_the_same_call_succeeds_later(
    tmp_path: Path, workflows: Any, clock: Any, spec: Spec
) -> None:
    with hosted(tmp_path / "db") as uri:
        client = Client(uri, serverSelectionTimeoutMS=500)
        ledger = Ledger(client, "fw", workflows, clock)
        ledger.submit(spec("early"))
    with pytest.raises(DatabaseAwayError, match="does not answer"):
        ledger.submit(spec("late"))
    with hosted(tmp_path / "db"):
        assert ledger.submit(spec("late")).state == "queued"
        assert [record.key for record in ledger.changes(0)] == ["early", "late"]
        client.close()


def test_an_error_of_the_driver_is_found_behind_others() -> None:
    error = RuntimeError("Error refreshing workflow")
    assert not is_outage(error)
    error.__context__ = AutoReconnect("gone")
    assert is_outage(error)


SWINGS = Failure(FailureKind.SCF, "It swings.", "Calm it.", Spent(wall_s=2.0, cpu_s=1.5))


def test_a_failed_attempt_waits_for_the_next_with_other_settings(
    ledger: Ledger, spec: Spec, workflows: Any
) -> None:
    ledger.submit(spec())
    token = claimed(ledger).token
    workflows.fireworks[1]["state"] = "RUNNING"
    assert ledger.fall_short("job", token, SWINGS) == "retried"
    record = ledger.get("job")
    assert record is not None
    assert (record.state, record.tries) == ("queued", {FailureKind.SCF: 1})
    assert (record.adjustments.attempt, record.adjustments.mixing) == (2, 0.2)
    assert record.attempts[0].reason == "It swings."
    assert workflows.fireworks[1]["state"] == "READY"
    assert ledger.fall_short("job", token, SWINGS) is None


def test_attempts_end_with_the_reason_and_what_they_all_cost(ledger: Ledger, spec: Spec) -> None:
    ledger.submit(spec())
    outcomes = [ledger.fall_short("job", claimed(ledger).token, SWINGS) for _ in range(4)]
    assert outcomes == ["retried", "retried", "retried", "failed"]
    record = ledger.get("job")
    assert record is not None
    assert (record.state, record.spent_wall_s, record.spent_cpu_s) == ("failed", 8.0, 6.0)
    assert record.reason is not None
    assert "in the last of 4 attempts" in record.reason
    assert record.remedy is not None


def test_an_answer_after_failures_counts_all_that_was_spent(ledger: Ledger, spec: Spec) -> None:
    ledger.submit(spec())
    ledger.fall_short("job", claimed(ledger).token, SWINGS)
    assert ledger.finish("job", claimed(ledger).token, ANSWER, Spent(1.0, 0.5))
    record = ledger.get("job")
    assert record is not None
    assert (record.spent_wall_s, record.spent_cpu_s, record.reason) == (3.0, 2.0, None)
    assert record.as_job().attempt == 2


def test_an_outdated_token_makes_no_attempt(ledger: Ledger, spec: Spec, clock: Any) -> None:
    ledger.submit(spec())
    token = claimed(ledger).token
    ledger.reconcile()
    clock.now_s += LEASE_S
    ledger.reconcile()
    claimed(ledger)
    assert ledger.fall_short("job", token, SWINGS) is None
    record = ledger.get("job")
    assert record is not None
    assert (record.state, record.tries) == ("running", {FailureKind.VANISHED: 1})


def test_a_crash_between_a_retry_and_its_firework_is_mended(
    ledger: Ledger, spec: Spec, workflows: Any, clock: Any, crash: type[Exception]
) -> None:
    ledger.submit(spec())
    token = claimed(ledger).token
    workflows.fireworks[1]["state"] = "RUNNING"
    workflows.crash_in = ("requeue", "before")
    with pytest.raises(crash):
        ledger.fall_short("job", token, SWINGS)
    clock.now_s += 31
    assert ledger.reconcile() == 1
    assert workflows.fireworks[1]["state"] == "READY"
    assert ledger.reconcile() == 0


def test_a_vanished_launchers_time_is_counted_up_to_its_last_heartbeat(
    ledger: Ledger, spec: Spec, clock: Any
) -> None:
    ledger.submit(spec())
    token = claimed(ledger).token
    clock.now_s += 7
    ledger.beat("job", token)
    ledger.reconcile()
    clock.now_s += LEASE_S
    ledger.reconcile()
    record = ledger.get("job")
    assert record is not None
    assert (record.losses, record.spent_wall_s) == (1, 7.0)
