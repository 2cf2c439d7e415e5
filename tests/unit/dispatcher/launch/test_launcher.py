"""Jobs through the real ledger, LaunchPad and launcher; only the chemistry is quick."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from shared.errors import ConfigurationError, DatabaseError
from sim_dispatcher.launch.launchpad import database_of, open_launchpad
from sim_dispatcher.launch.routing import STAGING
from sim_dispatcher.ledger import (
    LEASE_S,
    MAX_LOSSES,
    DatabaseAwayError,
    JobAnswer,
    JobSpec,
    Ledger,
)

Spec = Callable[..., JobSpec]


def runs_of(site: Any) -> list[str]:
    """The job folders in which an engine ran, once per run."""
    found = []
    for path in (site.folder / "jobs").glob("*/ran"):
        found += [path.parent.name] * len(path.read_text().splitlines())
    return sorted(found)


def test_a_submitted_job_comes_back_with_its_answer(site: Any, spec: Spec) -> None:
    assert site.ledger.submit(spec("a")).state == "queued"
    with site.launcher("w"):
        record = site.end_of("a")
    assert (record.state, record.worker, record.token) == ("done", "w", 1)
    assert record.result is not None
    assert record.result.energy_eV == -1.5
    assert record.software == "quick"
    assert site.firework_state("a") == "COMPLETED"
    job = record.as_job()
    assert (job.key, job.state, job.n_atoms, job.reason) == ("a", "done", 1, None)


def test_two_launchers_run_twenty_jobs_once_each(site: Any, spec: Spec) -> None:
    for number in range(20):
        site.ledger.submit(spec(f"job-{number}"))
    with site.launcher("one"), site.launcher("two"):
        records = [site.end_of(f"job-{number}") for number in range(20)]
    assert [record.state for record in records] == ["done"] * 20
    assert runs_of(site) == sorted(f"job-{number}-1" for number in range(20))
    assert site.launchpad.launches.count_documents({}) == 20
    assert site.launchpad.get_fw_ids({"state": "COMPLETED"}, count_only=True) == 20


def test_the_urgent_job_runs_first(site: Any, spec: Spec) -> None:
    for number, priority in enumerate((0.5, 3.0, 1.0)):
        site.ledger.submit(spec(f"j{number}", priority=priority))
    site.ledger.prioritise("j0", 9.0)
    with site.launcher("w"):
        ends = [site.end_of(f"j{number}") for number in range(3)]
    order = sorted(range(3), key=lambda number: ends[number].updated_at_ns)
    assert order == [0, 1, 2]


def test_a_job_that_fails_says_why_and_what_to_do(site: Any, spec: Spec) -> None:
    site.ledger.submit(spec("a", "fails"))
    with site.launcher("w"):
        record = site.end_of("a")
    assert (record.state, record.reason) == ("failed", "SCF did not converge.")
    assert record.remedy == "Use smearing."
    assert site.firework_state("a") == "FIZZLED"


def test_a_dead_engine_fails_its_job_and_the_next_one_runs(site: Any, spec: Spec) -> None:
    site.ledger.submit(spec("a", "dies", priority=1.0))
    site.ledger.submit(spec("b"))
    with site.launcher("w"):
        first, second = site.end_of("a"), site.end_of("b")
    assert first.state == "failed"
    assert first.reason == (
        "The engine died: The engine died with signal 11: Segmentation fault, "
        "in the last of 3 attempts."
    )
    assert len(first.attempts) == 2
    assert second.state == "done"


def test_an_engine_that_babbles_fails_its_job(site: Any, spec: Spec) -> None:
    site.ledger.submit(spec("a", "babbles"))
    with site.launcher("w"):
        record = site.end_of("a")
    assert record.state == "failed"
    assert record.reason is not None
    assert "malformed" in record.reason


def test_a_cancelled_job_loses_its_process(site: Any, spec: Spec) -> None:
    site.ledger.submit(spec("a", "slow"))
    with site.launcher("w") as engine:
        site.wait_for(lambda: site.record("a").progress is not None)
        process = engine.pid
        site.ledger.cancel("a", "The defect is gone.")
        site.wait_for(lambda: engine.pid != process)
        record = site.end_of("a")
    assert (record.state, record.reason) == ("cancelled", "The defect is gone.")
    assert site.firework_state("a") == "DEFUSED"


def test_a_cancelled_waiting_job_never_runs(site: Any, spec: Spec) -> None:
    site.ledger.submit(spec("a"))
    site.ledger.cancel("a", "Not wanted.")
    site.ledger.submit(spec("b"))
    with site.launcher("w"):
        site.end_of("b")
    assert runs_of(site) == ["b-1"]
    assert site.firework_state("a") == "DEFUSED"


def test_a_stopped_launcher_gives_its_job_back(site: Any, spec: Spec) -> None:
    site.ledger.submit(spec("a", "slow"))
    with site.launcher("w"):
        site.wait_for(lambda: site.record("a").progress is not None)
    record = site.record("a")
    assert (record.state, record.token) == ("queued", 1)
    assert site.firework_state("a") == "READY"


def test_a_silent_launcher_loses_its_job_and_its_late_result_is_not_applied(
    site: Any, spec: Spec
) -> None:
    firework = site.ledger.submit(spec("a")).firework
    lost = site.ledger.claim("a", "silent", firework)
    assert lost is not None
    site.launchpad.fireworks.update_one({"fw_id": lost.firework}, {"$set": {"state": "RESERVED"}})
    assert site.ledger.reconcile() == 0
    site.clock.ahead_s = LEASE_S + 1
    assert site.ledger.reconcile() == 1
    with site.launcher("w"):
        record = site.end_of("a")
    assert record.token == 2
    assert record.result is not None
    late = JobAnswer(result=record.result, structure="late", software="late")
    assert not site.ledger.finish("a", lost.token, late)
    record = site.record("a")
    assert (record.late_results, record.structure) == (1, "1\n\nC 0 0 0\n")


def test_a_job_that_kills_its_launchers_is_not_tried_for_ever(site: Any, spec: Spec) -> None:
    firework = site.ledger.submit(spec("a")).firework
    for _ in range(MAX_LOSSES):
        assert site.ledger.claim("a", "doomed", firework) is not None
        site.ledger.reconcile()
        site.clock.ahead_s += LEASE_S + 1
        site.ledger.reconcile()
    record = site.record("a")
    assert record.state == "failed"
    assert record.reason is not None
    assert "doomed" in record.reason
    assert site.firework_state("a") == "DEFUSED"


def test_staged_fireworks_are_invisible_until_both_inserts_are_there(site: Any, spec: Spec) -> None:
    opened = site.ledger.submit(spec("a"))
    site.launchpad.fireworks.update_one(
        {"fw_id": opened.firework}, {"$set": {"spec._category": STAGING}}
    )
    with site.launcher("w"):
        site.ledger.submit(spec("b"))
        site.end_of("b")
    assert site.record("a").state == "queued"
    assert runs_of(site) == ["b-1"]


def test_stock_lpad_reads_the_launchpad_by_uri(site: Any, spec: Spec) -> None:
    site.ledger.submit(spec("a-job"))
    config = site.folder / "launchpad.yaml"
    config.write_text(f"host: '{site.uri}'\nname: atomloop\nuri_mode: true\n")
    lpad = [sys.executable, "-W", "ignore", "-m", "fireworks.scripts.lpad_run", "-l", str(config)]
    shown = subprocess.run(
        [*lpad, "get_wflows", "-d", "more"],
        capture_output=True, text=True, check=True, cwd=site.folder,
    )  # fmt: skip
    assert "a-job" in shown.stdout
    assert "READY" in shown.stdout


def test_a_firework_that_a_crash_left_without_workflow_is_swept_away(site: Any, spec: Spec) -> None:
    opened = site.ledger.submit(spec("a"))
    whole = site.launchpad.fireworks.find_one({"fw_id": opened.firework}, {"_id": 0})
    whole["spec"]["_category"] = STAGING
    site.launchpad.fireworks.insert_one({**whole, "fw_id": 77})
    assert site.ledger.reconcile() == 0
    site.clock.ahead_s = 61.0
    assert site.ledger.reconcile() == 1
    assert site.launchpad.fireworks.distinct("fw_id") == [opened.firework]


def test_a_clean_start_refuses_a_uri_that_nobody_answers(site: Any) -> None:
    with pytest.raises(DatabaseError, match="No database answers"):
        open_launchpad(f"{site.uri}&serverSelectionTimeoutMS=50".replace("mongodb.sock", "no.sock"))


def test_a_password_in_a_uri_is_not_repeated_in_the_refusal(site: Any) -> None:
    uri = site.uri.replace("mongodb://", "mongodb://user:secret@").replace(
        "mongodb.sock", "no.sock"
    )
    with pytest.raises(DatabaseError) as refusal:
        open_launchpad(f"{uri}&serverSelectionTimeoutMS=50")
    assert "secret" not in str(refusal.value)


def test_an_address_that_is_no_uri_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no MongoDB URI"):
        open_launchpad("localhost:27017")


def test_the_database_is_the_uris_or_ours() -> None:
    assert database_of("mongodb://h/site") == "site"
    assert database_of("mongodb://h/?directConnection=true") == "atomloop"


def test_a_result_waits_for_the_database_to_come_back(
    site: Any, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, tries = Ledger.finish, []

    def away_at_first(self: Ledger, *arguments: Any) -> bool:
        tries.append(arguments)
        if len(tries) < 3:
            raise DatabaseAwayError("The database does not answer.", remedy="Wait.")
        return finish(self, *arguments)

    monkeypatch.setattr(Ledger, "finish", away_at_first)
    monkeypatch.setattr("sim_dispatcher.launch.launcher.RETRY_S", 0.01)
    site.ledger.submit(spec("a"))
    with site.launcher("w"):
        assert site.end_of("a").state == "done"
    assert len(tries) == 3
    assert runs_of(site) == ["a-1"]
