"""The feed on a real database, with a Slurm that only remembers."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from shared.clock import SystemClock
from sim_dispatcher.batch.feed import Feed, Parts
from sim_dispatcher.batch.routing import BatchRouter
from sim_dispatcher.batch.settings import BatchSettings
from sim_dispatcher.batch.site_files import Site, read_adapter, write_site
from sim_dispatcher.batch.slurm import Slurm
from sim_dispatcher.batch.submission import Submission
from sim_dispatcher.batch.submit import Submitter
from sim_dispatcher.database.hosting import hosted
from sim_dispatcher.launch.launchpad import open_launchpad, prepare_launchpad
from sim_dispatcher.launch.signing import load_or_make_key
from sim_dispatcher.launch.workflows import LaunchPadWorkflows
from sim_dispatcher.ledger import JobSpec, Ledger


class FakeSlurm:
    """Takes, lists, moves and cancels jobs; nothing runs."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, str]] = {}
        self.ended: dict[str, str] = {}
        self.calls: list[str] = []
        self.away = False
        self.refusal = ""

    def __call__(
        self, command: Sequence[str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        self.calls.append(command[0])
        if self.away:
            return subprocess.CompletedProcess(command, 1, "", "Unable to contact slurm controller")
        answer: Callable[[Sequence[str]], str] = getattr(self, f"_{command[0]}")
        if command[0] == "sbatch" and self.refusal:
            return subprocess.CompletedProcess(command, 1, "", self.refusal)
        return subprocess.CompletedProcess(command, 0, answer(command), "")

    def _sbatch(self, command: Sequence[str]) -> str:
        values = dict(
            line.removeprefix("#SBATCH --").split("=", 1)
            for line in Path(command[-1]).read_text().splitlines()
            if line.startswith("#SBATCH") and "=" in line
        )
        number = str(100 + len(self.jobs))
        self.jobs[number] = {
            "name": values["job-name"], "state": "PENDING", "partition": values["partition"],
        }  # fmt: skip
        return number

    def _squeue(self, command: Sequence[str]) -> str:
        words = dict(word.split("=", 1) for word in command if "=" in word)
        if "--states" in words:
            return "".join(
                f"9|{state}|live|None|{name}\n"
                for name, state in self.ended.items()
                if name == words["--name"]
            )
        lines = ""
        for number, job in self.jobs.items():
            if job["name"] != words.get("--name", job["name"]):
                continue
            values = {"%A": number, "%T": job["state"], "%P": job["partition"], "%r": "Resources",
                      "%j": job["name"], "%Z": "/elsewhere"}  # fmt: skip
            lines += "|".join(values[field] for field in words["--format"].split("|")) + "\n"
        return lines

    def _scancel(self, command: Sequence[str]) -> str:
        for number in command[2:]:
            self.jobs.pop(number, None)
        return ""

    def _scontrol(self, command: Sequence[str]) -> str:
        words = dict(word.split("=", 1) for word in command if "=" in word)
        self.jobs[words["jobid"]]["partition"] = words["partition"]
        return ""


class Bench:
    """A feed, its ledger, and a clock that can be put forward."""

    def __init__(self, folder: Path, uri: str) -> None:
        settings = BatchSettings(folder=folder / "batch", levels=("gfn1",))
        self.slurm, self.launchpad = FakeSlurm(), open_launchpad(uri)
        prepare_launchpad(self.launchpad)
        self.key, self.ahead_s = load_or_make_key(folder / "key"), 0.0
        router = BatchRouter(settings)
        workflows = LaunchPadWorkflows(self.launchpad, self.key, self, router)
        self.ledger = Ledger(self.launchpad.connection, "atomloop", workflows, self)
        self.ledger.prepare()
        site = Site(settings, uri, None, folder / "site.toml")
        write_site(site)
        submitter = Submitter(self.slurm, lambda _: None)
        adapter = read_adapter(site)
        submission = Submission(self.launchpad, adapter, site.folder, submitter)
        slurm = Slurm(self.slurm)
        parts = Parts(self.launchpad, self.ledger, workflows, self.key, slurm, submission)
        self.feed = Feed(parts, settings, self)

    def wall_ns(self) -> int:
        return SystemClock().wall_ns()

    def monotonic_s(self) -> float:
        return SystemClock().monotonic_s() + self.ahead_s

    def look(self) -> None:
        """Have the feed look at the whole queue."""
        self.ahead_s += 100.0
        self.feed.step()

    def submit(self, key: str, **changes: Any) -> int:
        fields: dict[str, Any] = {
            "key": key, "roi": "r", "recipe": "relax", "level": "gfn1",
            "structure": "1\n\nC 0 0 0\n", "frame": "0" * 64, "model": "1" * 64,
            "created_at_ns": 1,
        }  # fmt: skip
        number = self.ledger.submit(JobSpec(**{**fields, **changes})).firework
        assert number is not None
        return number

    def state(self, key: str) -> tuple[str, str]:
        """Return a job's state and its firework's."""
        record = self.ledger.get(key)
        assert record is not None
        firework = self.launchpad.fireworks.find_one({"fw_id": record.firework})
        return record.state, str(firework["state"])


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with hosted(tmp_path / "db") as uri:
        bench = Bench(tmp_path, uri)
        yield bench
        bench.launchpad.connection.close()


def names(bench: Bench) -> list[str]:
    return [job["name"] for job in bench.slurm.jobs.values()]


def test_ready_jobs_are_submitted_by_priority_and_once(bench: Bench) -> None:
    for number in range(3):
        bench.submit(f"j{number}", priority=float(number))
    bench.submit("here", level="gfnff")
    for _ in range(3):
        bench.look()
    assert names(bench) == ["j2", "j1", "j0"]
    assert bench.state("j0") == ("queued", "RESERVED")
    assert bench.state("here") == ("queued", "READY")


def test_no_more_than_allowed_are_in_slurm_at_a_time(bench: Bench) -> None:
    bench.feed._settings = bench.feed._settings.model_copy(update={"at_once": 2})
    for number in range(4):
        bench.submit(f"j{number}")
    bench.look()
    bench.look()
    assert len(names(bench)) == 2
    bench.slurm.jobs.clear()
    bench.ledger.cancel("j0", "x")
    bench.ledger.cancel("j1", "x")
    bench.look()
    assert names(bench) == ["j2", "j3"]


def test_a_cancel_reaches_slurm_without_waiting_for_a_look(bench: Bench) -> None:
    bench.submit("a")
    bench.look()
    bench.ledger.cancel("a", "Not wanted.")
    bench.feed.step()
    assert names(bench) == []
    assert bench.state("a") == ("cancelled", "DEFUSED")


def test_a_pick_moves_its_job_without_waiting_for_a_look(bench: Bench) -> None:
    bench.submit("a")
    bench.look()
    bench.ledger.prioritise("a", 1000.5)
    bench.feed.step()
    assert [job["partition"] for job in bench.slurm.jobs.values()] == ["urgent"]
    bench.ledger.prioritise("a", 3.0)
    bench.look()
    assert [job["partition"] for job in bench.slurm.jobs.values()] == ["live"]


def test_a_pick_that_was_not_submitted_yet_goes_to_the_urgent_partition(bench: Bench) -> None:
    bench.submit("a")
    bench.ledger.prioritise("a", 1000.5)
    bench.look()
    assert [job["partition"] for job in bench.slurm.jobs.values()] == ["urgent"]


@pytest.mark.parametrize(
    ("said", "words"), [("TIMEOUT", "TIMEOUT"), ("NODE_FAIL", "NODE_FAIL"), (None, "forgotten")]
)
def test_a_running_job_that_left_slurm_is_tried_again_with_slurms_word(
    bench: Bench, said: str | None, words: str
) -> None:
    firework = bench.submit("a")
    bench.look()
    claim = bench.ledger.claim("a", "slurm-100", firework)
    assert claim is not None
    bench.launchpad.fireworks.update_one({"fw_id": firework}, {"$set": {"state": "RUNNING"}})
    bench.slurm.jobs.clear()
    if said is not None:
        bench.slurm.ended["a"] = said
    bench.look()
    assert bench.state("a")[0] == "running"
    bench.look()
    record = bench.ledger.get("a")
    assert record is not None
    assert record.state == "queued"
    assert words in record.attempts[0].reason
    bench.look()
    assert names(bench) == ["a"]


def test_a_reservation_whose_job_vanished_is_submitted_again(bench: Bench) -> None:
    bench.submit("a")
    bench.look()
    bench.slurm.jobs.clear()
    for _ in range(3):
        bench.look()
    assert names(bench) == ["a"]
    assert bench.state("a") == ("queued", "RESERVED")


def test_slurms_refusal_fails_the_job_and_silence_does_not(bench: Bench) -> None:
    bench.submit("a")
    bench.slurm.refusal = "sbatch: error: Invalid partition name specified"
    bench.look()
    record = bench.ledger.get("a")
    assert record is not None
    assert record.state == "failed"
    assert "Invalid partition" in (record.reason or "")
    bench.submit("b")
    bench.slurm.refusal = "sbatch: error: Socket timed out on send/recv operation"
    bench.look()
    assert bench.state("b") == ("queued", "READY")
    bench.slurm.refusal = ""
    bench.look()
    assert names(bench) == ["b"]


def test_unsigned_work_is_refused_before_it_is_submitted(bench: Bench) -> None:
    firework = bench.submit("a")
    bench.launchpad.fireworks.update_one(
        {"fw_id": firework}, {"$set": {"spec._tasks.0.signature": "0" * 64}}
    )
    bench.look()
    assert bench.state("a") == ("failed", "FIZZLED")
    assert "sbatch" not in bench.slurm.calls


def test_it_goes_on_when_slurm_is_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim_dispatcher.batch.feed.RETRY_S", 0.01)
    bench.submit("a")
    bench.slurm.away = True
    stop = threading.Event()
    thread = threading.Thread(target=bench.feed.run, args=(stop,), daemon=True)
    thread.start()
    ticker = threading.Event()
    ticker.wait(0.1)
    assert names(bench) == []
    bench.slurm.away = False
    bench.ahead_s += 100.0
    deadline = SystemClock().monotonic_s() + 20.0
    while not names(bench) and SystemClock().monotonic_s() < deadline:
        ticker.wait(0.01)
    stop.set()
    thread.join()
    assert names(bench) == ["a"]


def test_a_new_feed_does_not_ask_about_what_ended_long_ago(bench: Bench) -> None:
    for number in range(5):
        bench.submit(f"old-{number}")
        bench.ledger.cancel(f"old-{number}", "x")
    bench.look()
    assert bench.slurm.calls == ["squeue"]
