"""One job of one key in Slurm, whatever sbatch and squeue say or fail to say."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from sim_dispatcher.batch.script import TEMPLATE, ScriptError
from sim_dispatcher.batch.submit import QueueUnknownError, SlurmRefusesError, Submitter, main

FOLDER = "/srv/launcher_1"
SCRIPT = "".join(
    line
    for line in TEMPLATE.replace("$${job_name}", "key-1")
    .replace("$${queue}", "live").replace("$${walltime}", "01:00:00")
    .replace("$${cpus_per_task}", "1").replace("$${mem}", "100M").replace("$${warning}", "90")
    .replace("$${launch_dir}", FOLDER).replace("$${rocket_launch}", "/bin/launch --fw_id 7")
    .splitlines(keepends=True)
    if "$$" not in line
)  # fmt: skip


class FakeSlurm:
    """A queue, and a controller that fails as planned.

    Args:
        answers: What becomes of each sbatch in turn: `ok`, `lost` (accepted, no answer), `late`
            (accepted, times out), `dropped` (not accepted, no answer), `refused`.
        silent: So many calls of squeue fail.
    """

    def __init__(self, answers: Sequence[str] = (), silent: int = 0) -> None:
        self.answers, self.silent = list(answers), silent
        self.queue: list[tuple[str, str, str]] = []
        self.waits: list[float] = []

    def run(self, command: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
        if command[0] == "squeue":
            return self._squeue(command, timeout_s)
        assert command[:2] == ["sbatch", "--parsable"]
        answer = self.answers.pop(0) if self.answers else "ok"
        if answer in ("ok", "lost", "late"):
            self.queue.append((str(100 + len(self.queue)), "PENDING", FOLDER))
        if answer == "late":
            raise subprocess.TimeoutExpired(command, timeout_s)
        if answer == "ok":
            return subprocess.CompletedProcess(command, 0, self.queue[-1][0] + "\n", "")
        said = "Invalid partition" if answer == "refused" else "Socket timed out on send/recv"
        return subprocess.CompletedProcess(command, 1, "", f"sbatch: error: {said}")

    def _squeue(self, command: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
        assert "--name=key-1" in command
        assert "--me" in command
        if self.silent:
            self.silent -= 1
            if self.silent % 2:
                raise subprocess.TimeoutExpired(command, timeout_s)
            return subprocess.CompletedProcess(command, 1, "", "Unable to contact slurm controller")
        lines = "".join("|".join(job) + "\n" for job in self.queue)
        return subprocess.CompletedProcess(command, 0, lines, "")

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "FW_submit.script"
    path.write_text(SCRIPT)
    return path


def submit(slurm: FakeSlurm, script: Path) -> str:
    return Submitter(slurm.run, slurm.wait).submit(script)


def test_a_job_is_submitted_and_its_number_returned(script: Path) -> None:
    slurm = FakeSlurm()
    assert submit(slurm, script) == "100"
    assert slurm.waits == []


@pytest.mark.parametrize("answer", ["lost", "late"])
def test_a_lost_answer_is_made_up_for_by_looking(script: Path, answer: str) -> None:
    slurm = FakeSlurm([answer])
    assert submit(slurm, script) == "100"
    assert submit(slurm, script) == "100"
    assert len(slurm.queue) == 1


def test_a_submission_that_never_arrived_is_reported_and_may_be_repeated(script: Path) -> None:
    slurm = FakeSlurm(["dropped"])
    with pytest.raises(QueueUnknownError, match="timed out"):
        submit(slurm, script)
    assert submit(slurm, script) == "100"
    assert len(slurm.queue) == 1


def test_a_refusal_is_final_and_comes_at_once(script: Path) -> None:
    slurm = FakeSlurm(["refused"])
    with pytest.raises(SlurmRefusesError, match="Invalid partition"):
        submit(slurm, script)
    assert slurm.waits == []


def test_nothing_is_submitted_while_the_queue_is_unknown(script: Path) -> None:
    slurm = FakeSlurm(silent=100)
    with pytest.raises(QueueUnknownError, match="squeue"):
        submit(slurm, script)
    assert slurm.queue == []


def test_a_controller_that_is_away_for_a_moment_is_waited_for(script: Path) -> None:
    slurm = FakeSlurm(silent=3)
    assert submit(slurm, script) == "100"
    assert sum(slurm.waits) < 5


def test_a_job_that_waits_already_is_taken_for_this_one(script: Path) -> None:
    slurm = FakeSlurm()
    slurm.queue.append(("7", "PENDING", "/srv/launcher_0"))
    assert submit(slurm, script) == "7"


def test_an_earlier_part_that_still_runs_does_not_keep_the_next_from_being_queued(
    script: Path,
) -> None:
    slurm = FakeSlurm()
    slurm.queue.append(("7", "RUNNING", "/srv/launcher_0"))
    assert submit(slurm, script) == "101"
    assert slurm.waits != []


def test_two_hundred_unsure_submissions_make_one_job_each(script: Path) -> None:
    made = []
    for number in range(200):
        slurm = FakeSlurm([("lost", "late", "dropped", "ok")[number % 4]] * 2, silent=number % 3)
        for _ in range(3):  # as the feed repeats it
            try:
                submit(slurm, script)
            except QueueUnknownError:
                continue
        if not slurm.queue:
            submit(slurm, script)
        made.append(len(slurm.queue))
    assert made == [1] * 200


def test_a_script_of_another_make_is_not_submitted(tmp_path: Path) -> None:
    path = tmp_path / "FW_submit.script"
    path.write_text(SCRIPT + "touch x\n")
    slurm = FakeSlurm()
    with pytest.raises(ScriptError):
        submit(slurm, path)
    assert slurm.queue == []


def test_the_program_says_in_one_line_why_it_did_not_submit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "script"
    path.write_text("#!/bin/sh\ntouch x\n")
    monkeypatch.setattr("sys.argv", ["submit", str(path)])
    assert main() == 1
    assert "not submitted: line 'touch x' is not allowed" in capsys.readouterr().err
