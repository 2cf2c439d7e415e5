"""What is done about jobs in Slurm, decided on what was seen."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from sim_dispatcher.batch.slurm import BatchJob, Slurm, SlurmAwayError
from sim_dispatcher.batch.upkeep import Cancel, Duty, Free, Look, Lost, Move, duties
from sim_dispatcher.ledger import JobRecord, JobSpec


def spec(key: str = "a", **changes: Any) -> JobSpec:
    fields: dict[str, Any] = {
        "key": key, "roi": "r", "recipe": "relax", "level": "gfn1", "structure": "1\n\nC 0 0 0\n",
        "frame": "0" * 64, "model": "1" * 64, "created_at_ns": 1,
    }  # fmt: skip
    return JobSpec(**{**fields, **changes})


def record(state: Any, key: str = "a", token: int = 1, priority: float = 0.0) -> JobRecord:
    return JobRecord(
        key=key, spec=spec(key), state=state, token=token, priority=priority, updated_at_ns=1,
        tries={},
    )  # fmt: skip


def job(
    state: str = "PENDING", number: str = "5", name: str = "a", queue: str = "live"
) -> BatchJob:
    return BatchJob(number, state, queue, "Resources", name)


def queue(priority: float) -> str:
    return "urgent" if priority >= 1000.0 else "live"


def twice(*looks: Look) -> list[Duty]:
    """Look as often as there are looks; return what the last one came to."""
    found: list[Duty] = []
    suspects: frozenset[tuple[str, int]] = frozenset()
    for look in looks:
        found, suspects = duties(look, suspects, queue)
    return found


@pytest.mark.parametrize("state", ["cancelled", "failed"])
@pytest.mark.parametrize("slurm", ["PENDING", "RUNNING", "COMPLETING"])
def test_a_job_that_was_withdrawn_is_cancelled_wherever_it_is(state: str, slurm: str) -> None:
    assert twice(Look([job(slurm)], {"a": record(state)})) == [Cancel(job(slurm))]


def test_a_job_that_is_done_is_left_to_end_but_does_not_start_again() -> None:
    assert twice(Look([job("RUNNING")], {"a": record("done")})) == []
    assert twice(Look([job("PENDING")], {"a": record("done")})) == [Cancel(job("PENDING"))]


def test_of_two_that_wait_for_the_same_work_one_stays() -> None:
    two = [job(number="5"), job(number="6")]
    assert twice(Look(two, {"a": record("queued")})) == [Cancel(two[1])]


def test_a_picked_job_that_waits_is_moved_to_the_urgent_partition_once() -> None:
    picked = {"a": record("queued", priority=1000.0)}
    assert twice(Look([job()], picked)) == [Move(job(), "urgent")]
    assert twice(Look([job(queue="urgent")], picked)) == []
    assert twice(Look([job("RUNNING")], picked)) == []


def test_a_pick_that_was_taken_back_waits_with_the_others_again() -> None:
    released = {"a": record("queued", priority=3.0)}
    assert twice(Look([job(queue="urgent")], released)) == [Move(job(queue="urgent"), "live")]


def test_a_job_that_somebody_moved_to_a_third_partition_stays_there() -> None:
    for priority in (3.0, 2000.0):
        assert twice(Look([job(queue="long")], {"a": record("queued", priority=priority)})) == []


def test_jobs_that_are_not_ours_are_left_alone() -> None:
    assert twice(Look([job(name="other"), job("RUNNING", name="mine")], {})) == []


def test_a_running_job_that_left_slurm_is_lost_at_the_second_look() -> None:
    look = Look([], {"a": record("running")}, {"a": 3})
    assert twice(look) == []
    assert twice(look, look) == [Lost(record("running"), waits=False)]


def test_a_running_job_that_slurm_put_back_is_lost_at_the_second_look() -> None:
    look = Look([job()], {"a": record("running")}, {"a": 3})
    assert twice(look) == []
    assert twice(look, look) == [Lost(record("running"), waits=True)]


def test_another_claim_between_two_looks_is_no_loss() -> None:
    first = Look([], {"a": record("running", token=1)}, {"a": 3})
    second = Look([], {"a": record("running", token=2)}, {"a": 3})
    assert twice(first, second) == []


def test_a_reservation_without_a_job_is_made_ready_at_the_second_look() -> None:
    look = Look([], {"a": record("queued")}, {"a": 3})
    assert twice(look) == []
    assert twice(look, look) == [Free(3)]
    waits = Look([job()], {"a": record("queued")}, {"a": 3})
    assert twice(waits, waits) == []


class Programs:
    """Slurm's programs with prepared answers."""

    def __init__(self, answers: dict[str, tuple[int, str, str]]) -> None:
        self.answers = answers
        self.calls: list[Sequence[str]] = []

    def __call__(
        self, command: Sequence[str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        self.calls.append(command)
        code, out, err = self.answers.get(command[0], (0, "", ""))
        if code == 124:
            raise subprocess.TimeoutExpired(command, timeout_s)
        return subprocess.CompletedProcess(command, code, out, err)


def test_squeue_is_read_with_names_that_hold_anything() -> None:
    programs = Programs(
        {"squeue": (0, "5|PENDING|live|Resources|a\n6|RUNNING|urgent|None|b|c\n", "")}
    )
    assert Slurm(programs).jobs() == [
        BatchJob("5", "PENDING", "live", "Resources", "a"),
        BatchJob("6", "RUNNING", "urgent", "None", "b|c"),
    ]
    assert "--me" in programs.calls[0]


def test_the_latest_end_of_a_job_counts() -> None:
    told = "5|FAILED|live|None|a\n12|TIMEOUT|live|None|a\n"
    assert Slurm(Programs({"squeue": (0, told, "")})).ended("a") == "TIMEOUT"
    assert Slurm(Programs({})).ended("a") is None


def test_a_controller_that_is_away_is_said_with_a_remedy() -> None:
    for answer in ((1, "", "Unable to contact slurm controller"), (124, "", "")):
        with pytest.raises(SlurmAwayError, match="Slurm does not answer") as away:
            Slurm(Programs({"squeue": answer})).jobs()
        assert away.value.remedy


def test_only_what_there_is_to_cancel_is_cancelled() -> None:
    programs = Programs({})
    Slurm(programs).cancel([])
    assert programs.calls == []
    Slurm(programs).cancel(["5", "6"])
    assert programs.calls == [("scancel", "--quiet", "5", "6")]


def test_a_move_that_slurm_refuses_is_no_error() -> None:
    assert not Slurm(Programs({"scontrol": (1, "", "Job has already finished")})).move(
        "5", "urgent"
    )
    assert Slurm(Programs({})).move("5", "urgent")
