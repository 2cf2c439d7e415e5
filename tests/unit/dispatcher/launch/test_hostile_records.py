"""Damage and malice in the other collections: launches, ledger records, FireWorks' own fields."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim_dispatcher.launch.launcher import Launcher
from sim_dispatcher.ledger import FINAL, JobSpec

Spec = Callable[..., JobSpec]
Document = dict[str, Any]


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a firework that could not be had looked at again without delay."""
    monkeypatch.setattr("sim_dispatcher.launch.launcher.SKIP_S", 0.2)


HARMLESS = ("spec._priority", "created_on")
"""What a signed job is computed in spite of: neither is read by anything that acts."""


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module on the path that leaves a mark when it is imported."""
    marker = tmp_path / "executed"
    (tmp_path / "trapped_module.py").write_text(
        f"import pathlib\npathlib.Path({str(marker)!r}).write_text('import')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return marker


def hostile_spec_fields(marker: Path) -> Document:
    """Fields of a specification on which FireWorks acts, by name."""
    return {
        "_preserve_fworker": True,
        "_fworker": f"`touch {marker}`",
        "_allow_fizzled_parents": True,
        "_add_launchpad_and_fw_id": True,
        "_add_fworker": True,
        "_job_info": [{"launch_dir": "/"}],
        "_files_out": {"a": f"$(touch {marker})"},
        "_files_prev": {"a": "/etc/passwd"},
        "_fizzled_parents": [{"spec": {"_tasks": []}}],
        "_exception_details": {"x": "y"},
        "_worker_name": f"w; touch {marker}",
        "huge": "x" * 4_000_000,
        "`touch x`": 1,
    }


HOSTILE_TOP_FIELDS: Document = {
    "spec._priority": {"$gt": ""},
    "spec._tasks": "AtomLoop::Compute",
    "spec": "AtomLoop::Compute",
    "launches": "1",
    "archived_launches": {"$ne": 1},
    "created_on": "$(touch x)",
    "name": {"_fw_name": "{{trapped_module.Task}}"},
}


def test_fields_on_which_fireworks_acts_end_a_job_before_anything_acts(
    site: Any, spec: Spec, trap: Path
) -> None:
    fields = {f"spec.{name}": value for name, value in hostile_spec_fields(trap).items()}
    for number, (name, value) in enumerate({**fields, **HOSTILE_TOP_FIELDS}.items()):
        record = site.ledger.submit(spec(f"h{number}", priority=5.0))
        site.launchpad.fireworks.update_one({"fw_id": record.firework}, {"$set": {name: value}})
    site.ledger.submit(spec("sound"))
    names = [*fields, *HOSTILE_TOP_FIELDS]
    keys = {name: f"h{number}" for number, name in enumerate(names)}
    with site.launcher("w"):
        assert site.end_of("sound").state == "done"
        for name in names:
            if name != "spec":  # without a category it is no launcher's
                site.wait_for(lambda name=name: site.record(keys[name]).state in FINAL)
        ends = {name: site.record(keys[name]) for name in names}
    assert not trap.exists()
    assert ends.pop("spec").state == "queued"
    assert {ends.pop(name).state for name in HARMLESS} == {"done"}
    assert {record.state for record in ends.values()} == {"failed"}
    assert all(record.reason and record.remedy for record in ends.values())
    ran = {path.parent.name for path in (site.folder / "jobs").glob("*/ran")}
    assert ran == {"sound-1", *(f"{keys[name]}-1" for name in HARMLESS)}


@pytest.mark.parametrize("means", ["detours", "additions", "mod_spec", "update_spec"])
def test_an_action_planted_in_a_launch_adds_nothing_that_runs(
    site: Any, spec: Spec, trap: Path, means: str
) -> None:
    record = site.ledger.submit(spec("a", priority=5.0))
    site.ledger.submit(spec("sound"))
    task = {"_fw_name": "ScriptTask", "script": f"touch {trap}", "use_shell": True}
    hostile = {"_tasks": [task], "_category": "atomloop-local"}
    firework = {"fw_id": -1, "spec": hostile, "name": "x"}
    dated = dict.fromkeys(("created_on", "updated_on"), "2026-01-01T00:00:00")
    child = {"fws": [{**firework, **dated}], "links": {}, "name": "x", "metadata": {}}
    action: Document = {
        "stored_data": {}, "exit": False, "update_spec": {}, "mod_spec": [], "additions": [],
        "detours": [], "defuse_children": False, "defuse_workflow": False,
    }  # fmt: skip
    action[means] = {"mod_spec": [{"_set": {"_tasks": [task]}}], "update_spec": hostile}.get(
        means, [child]
    )
    site.launchpad.launches.insert_one(
        {"launch_id": 77, "fw_id": record.firework, "state": "COMPLETED", "launch_dir": "/",
         "fworker": {"name": "w", "category": "", "query": "{}", "env": {}}, "host": None,
         "ip": None, "trackers": [], "action": action, "state_history": []}
    )  # fmt: skip
    site.launchpad.fireworks.update_one({"fw_id": record.firework}, {"$set": {"launches": [77]}})
    with site.launcher("w"):
        site.wait_for(lambda: site.record("sound").state == "done")
        site.wait_for(lambda: site.record("a").state in {"done", "failed"})
    assert not trap.exists()
    assert "trapped_module" not in sys.modules
    assert site.launchpad.fireworks.count_documents({"spec._tasks._fw_name": "ScriptTask",
                                                     "state": "COMPLETED"}) == 0  # fmt: skip


def test_a_firework_changed_between_claim_and_check_out_is_not_computed(
    site: Any, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = site.ledger.submit(spec("a"))
    other = site.ledger.submit(spec("b"))
    check_out = Launcher._check_out
    stolen = site.launchpad.fireworks.find_one({"fw_id": other.firework})["spec"]["_tasks"]
    site.ledger.cancel("b", "Only its signature is wanted.")

    def too_late(self: Launcher, *arguments: Any) -> Any:
        site.launchpad.fireworks.update_one(
            {"fw_id": record.firework}, {"$set": {"spec._tasks": stolen}}
        )
        return check_out(self, *arguments)

    monkeypatch.setattr(Launcher, "_check_out", too_late)
    with site.launcher("w"):
        site.wait_for(lambda: site.record("a").state == "failed")
    assert site.record("a").reason == "It was changed while it was checked out."
    assert not list((site.folder / "jobs").glob("*/ran"))


MALFORMED_RECORDS: dict[str, Any] = {
    "token": "1", "tries": "x", "adjustments": [], "attempts": [{}], "spec": {"level": "x"},
    "losses": -1, "progress": {"step": "x"}, "state_history": "x", "heartbeat_ns": "now",
    "worker": ["w"], "updated_at_ns": None, "files": [{"name": "../x"}], "late_results": {},
}  # fmt: skip

HEALED = ("progress", "state_history", "heartbeat_ns", "worker", "updated_at_ns")
"""Fields that a claim writes anew, or that nobody reads."""


def test_a_record_that_is_none_stops_neither_launcher_nor_dispatcher(site: Any, spec: Spec) -> None:
    for number, (name, value) in enumerate(MALFORMED_RECORDS.items()):
        site.ledger.submit(spec(f"r{number}", priority=5.0))
        site.launchpad.db.atomloop_jobs.update_one({"_id": f"r{number}"}, {"$set": {name: value}})
    site.ledger.submit(spec("sound"))
    with site.launcher("w"):
        assert site.end_of("sound").state == "done"
        site.clock.ahead_s = 31.0
        site.ledger.reconcile()
        seen = {record.key: record for record in site.ledger.changes(0)}
    assert seen["sound"].state == "done"
    ran = {path.parent.name for path in (site.folder / "jobs").glob("*/ran")}
    names = list(MALFORMED_RECORDS)
    assert ran == {"sound-1", *(f"r{names.index(name)}-1" for name in HEALED)}
