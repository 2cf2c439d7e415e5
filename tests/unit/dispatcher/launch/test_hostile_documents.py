"""Whoever can write to the LaunchPad's database still cannot have anything run."""

from __future__ import annotations

import copy
import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import KeyRefusedError
from sim_dispatcher.commands.launch import launch
from sim_dispatcher.launch.admission import Admitted, Refused, admit, task_document
from sim_dispatcher.launch.firetasks.compute import TASK_NAME, ComputeTask
from sim_dispatcher.launch.launchpad import load_compute_task
from sim_dispatcher.launch.routing import LOCAL
from sim_dispatcher.launch.signing import SigningKey, load_or_make_key
from sim_dispatcher.ledger import JobSpec

Spec = Callable[..., JobSpec]
Document = dict[str, Any]

KEY = SigningKey(b"k" * 32)


def signed(spec: JobSpec, key: SigningKey = KEY, **spec_fields: Any) -> Document:
    task = {"_fw_name": TASK_NAME, **task_document(spec, key)}
    return {"fw_id": 1, "spec": {"_tasks": [task], "_category": LOCAL, **spec_fields}}


def hostile_tasks(marker: Path, good: Document, other: Document) -> dict[str, list[Document]]:
    """Lists of tasks that would run something, were they run, or were they even loaded."""
    touch = f"touch {marker}"
    tampered = copy.deepcopy(good)
    tampered["job"] = tampered["job"].replace('"level":"gfnff"', '"level":"gfn1"')
    moved = {**good, "signature": other["signature"]}
    return {
        "any module": [{"_fw_name": "{{hostile_module.Task}}"}],
        "any standard module": [{"_fw_name": "{{antigravity.x}}"}],
        "a path in a module name": [{"_fw_name": "{{../../hostile_module.Task}}"}],
        "script": [{"_fw_name": "ScriptTask", "script": touch, "use_shell": True}],
        "old name of script": [{"_fw_name": "Script Task", "script": [touch]}],
        "python function": [{"_fw_name": "PyTask", "func": "os.system", "args": [touch]}],
        "command line": [{"_fw_name": "CommandLineTask", "command_spec": {"command": [touch]}}],
        "template writer": [{"_fw_name": "TemplateWriterTask", "output_file": str(marker)}],
        "file writer": [{"_fw_name": "FileWriteTask", "files_to_write": [{"filename": "x"}]}],
        "shell in the name": [{"_fw_name": f"AtomLoop::Compute; {touch}"}],
        "substitution in the name": [{"_fw_name": f"$({touch})"}],
        "unsigned": [{"_fw_name": TASK_NAME, "job": good["job"], "signature": ""}],
        "tampered": [tampered],
        "another job's signature": [moved],
        "signature of the wrong type": [{**good, "signature": {"$ne": ""}}],
        "extra parameter": [{**good, "script": touch}],
        "a second task": [good, {"_fw_name": "ScriptTask", "script": touch}],
        "a list for a job": [{**good, "job": [good["job"]]}],
        "no task": [],
        "monty object": [{"@module": "hostile_module", "@class": "Task"}],
    }  # fmt: skip


HOSTILE_FIELDS: dict[str, Any] = {
    "_background_tasks": [{"_fw_name": "ScriptTask", "script": "touch x"}],
    "_dupefinder": {"_fw_name": "{{hostile_module.Task}}"},
    "_launch_dir": "/",
    "_files_in": {"a": "b"},
    "_recovery": {"_prev_dir": "/", "_mode": "cp"},
    "_pass_job_info": True,
    "_trackers": [{"filename": "/etc/passwd"}],
}

GOOD_QUEUE = {"queue": "live", "walltime": "01:00:00", "cpus_per_task": 1, "mem": "2000M"}
HOSTILE_QUEUES: list[Any] = [
    {"pre_rocket": "touch x"},
    {**GOOD_QUEUE, "post_rocket": "touch x"},
    {**GOOD_QUEUE, "rocket_launch": "touch x; singleshot"},
    {**GOOD_QUEUE, "job_name": "x\ntouch x"},
    {**GOOD_QUEUE, "queue": "live\ntouch x"},
    {**GOOD_QUEUE, "queue": "live\n"},
    {**GOOD_QUEUE, "queue": "$(touch x)"},
    {**GOOD_QUEUE, "queue": "live;touch x"},
    {**GOOD_QUEUE, "queue": "live --wrap=touch"},
    {**GOOD_QUEUE, "queue": "--wrap=touch"},
    {**GOOD_QUEUE, "queue": "`touch x`"},
    {**GOOD_QUEUE, "queue": ["live"]},
    {**GOOD_QUEUE, "queue": {"_fw_name": "{{hostile_module.Task}}"}},
    {**GOOD_QUEUE, "walltime": "01:00:00\n#SBATCH --uid=0"},
    {**GOOD_QUEUE, "walltime": "UNLIMITED"},
    {**GOOD_QUEUE, "walltime": 3600},
    {**GOOD_QUEUE, "mem": "2000M # $(touch x)"},
    {**GOOD_QUEUE, "mem": "0"},
    {**GOOD_QUEUE, "cpus_per_task": "1; touch x"},
    {**GOOD_QUEUE, "cpus_per_task": 0},
    {**GOOD_QUEUE, "cpus_per_task": True},
    {"queue": "live"},
    "touch x",
    ["touch x"],
    None,
]
"""Queue settings that FireWorks would copy into a job script."""


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module on the path that leaves a mark when it is imported."""
    marker = tmp_path / "executed"
    (tmp_path / "hostile_module.py").write_text(
        f"import pathlib\npathlib.Path({str(marker)!r}).write_text('import')\n"
        "class Task(dict):\n    from_dict = classmethod(lambda cls, d: cls(d))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return marker


def plant(site: Any, number: int, spec: Document, name: str) -> None:
    """Write a firework and its workflow as an intruder would."""
    common = {
        "created_on": "2026-01-01T00:00:00",
        "updated_on": "2026-01-01T00:00:00",
        "name": name,
    }
    site.launchpad.fireworks.insert_one(
        {
            "fw_id": number,
            "state": "READY",
            "spec": spec,
            "launches": [],
            "archived_launches": [],
            **common,
        }
    )
    site.launchpad.workflows.insert_one(
        {"nodes": [number], "links": {str(number): []}, "parent_links": {}, "state": "READY",
         "fw_states": {str(number): "READY"}, "metadata": {}, **common}
    )  # fmt: skip


def test_none_of_the_hostile_documents_is_executed(site: Any, spec: Spec, trap: Path) -> None:
    good = {"_fw_name": TASK_NAME, **task_document(spec("real"), site.key)}
    other = {"_fw_name": TASK_NAME, **task_document(spec("other"), site.key)}
    urgent = {"_category": LOCAL, "_priority": 9}
    specs = [
        ({**urgent, "_tasks": tasks}, f"`touch {trap}`; $(touch {trap})")
        for tasks in hostile_tasks(trap, good, other).values()
    ]
    for field, value in HOSTILE_FIELDS.items():
        specs.append(({**urgent, "_tasks": [good], field: value}, field))
    specs += [
        ({**urgent, "_tasks": [good], "_queueadapter": queue}, "real") for queue in HOSTILE_QUEUES
    ]
    specs.append(({**urgent, "_tasks": [good]}, "real"))
    specs.append(({**urgent, "_tasks": [good], "_queueadapter": GOOD_QUEUE}, "a; touch x"))
    site.ledger.submit(spec("real", priority=-1.0))
    for number, (document, name) in enumerate(specs, start=1000):
        plant(site, number, document, name)
    with site.launcher("w"):
        assert site.end_of("real").state == "done"
        numbers = range(1000, 1000 + len(specs))
        fireworks = list(site.launchpad.fireworks.find({"fw_id": {"$in": list(numbers)}}))
    assert not trap.exists()
    assert "hostile_module" not in sys.modules
    assert {firework["state"] for firework in fireworks} == {"FIZZLED"}
    reasons = [firework["spec"]["_exception_details"]["_message"] for firework in fireworks]
    assert all(reason.startswith("Refused by AtomLoop's launcher") for reason in reasons)
    workflows = site.launchpad.workflows.find({"nodes": {"$in": list(numbers)}})
    assert {workflow["state"] for workflow in workflows} == {"FIZZLED"}
    assert site.launchpad.launches.count_documents({}) == 1
    assert len(list((site.folder / "jobs").glob("*-[0-9]"))) == 1


def test_a_job_whose_firework_was_tampered_with_fails_with_the_reason(
    site: Any, spec: Spec
) -> None:
    record = site.ledger.submit(spec("a"))
    site.launchpad.fireworks.update_one(
        {"fw_id": record.firework}, {"$set": {"spec._tasks.0.signature": "0" * 64}}
    )
    with site.launcher("w"):
        record = site.end_of("a")
    assert record.state == "failed"
    assert record.reason == "Its signature is missing, or stands for another job or key."
    assert record.remedy is not None


def test_a_broken_workflow_document_fails_its_job_and_not_the_launcher(
    site: Any, spec: Spec
) -> None:
    for key, priority, damage in (("gone", 3.0, None), ("torn", 2.0, {"$unset": {"links": ""}})):
        record = site.ledger.submit(spec(key, priority=priority))
        if damage is None:
            site.launchpad.workflows.delete_one({"nodes": record.firework})
        else:
            site.launchpad.workflows.update_one({"nodes": record.firework}, damage)
    site.ledger.submit(spec("sound"))
    with site.launcher("w"):
        ends = {key: site.end_of(key).state for key in ("gone", "torn", "sound")}
    assert ends == {"gone": "failed", "torn": "failed", "sound": "done"}


@pytest.mark.parametrize(
    "written",
    [
        {"adjustments.electronic_temperature_K": 9000.0},
        {"tries": {"scf": 99}},
        {"tries": {"scf": 1}},
        {"adjustments.implementation": 1},
    ],
)
def test_settings_that_no_failure_leads_to_are_not_computed_with(
    site: Any, spec: Spec, written: Document
) -> None:
    site.ledger.submit(spec("a"))
    site.launchpad.db.atomloop_jobs.update_one({"_id": "a"}, {"$set": written})
    with site.launcher("w"):
        record = site.end_of("a")
    assert (record.state, record.result) == ("failed", None)
    assert record.reason == "Its settings are not ones that its failures lead to."
    assert not list((site.folder / "jobs").glob("*/ran"))


def test_the_loader_makes_nothing_but_our_task(trap: Path) -> None:
    assert isinstance(
        load_compute_task({"_fw_name": TASK_NAME, "job": "{}", "signature": ""}), ComputeTask
    )
    for tasks in hostile_tasks(trap, {"job": "", "signature": ""}, {"signature": ""}).values():
        for task in tasks:
            if task.get("_fw_name") == TASK_NAME:
                continue
            with pytest.raises(Exception, match="not on AtomLoop's list"):
                load_compute_task(dict(task))
    assert not trap.exists()


@given(position=st.integers(0, 10_000), character=st.characters(codec="ascii"))
@settings(max_examples=100, deadline=None)
def test_no_change_of_a_signed_job_is_admitted(position: int, character: str) -> None:
    document = signed(make())
    task = document["spec"]["_tasks"][0]
    position %= len(task["job"])
    changed = task["job"][:position] + character + task["job"][position + 1 :]
    verdict = admit({"fw_id": 1, "spec": {"_tasks": [{**task, "job": changed}]}}, KEY)
    assert isinstance(verdict, Admitted) == (changed == task["job"])


@given(
    junk=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda leaf: (
            st.lists(leaf, max_size=3)
            | st.dictionaries(
                st.sampled_from(["spec", "_tasks", "_fw_name", "job", "signature", "x"]),
                leaf,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
@settings(max_examples=100, deadline=None)
def test_documents_of_any_shape_are_refused_without_an_error(junk: object) -> None:
    assert isinstance(admit({"fw_id": 1, "spec": junk}, KEY), Refused)
    assert isinstance(admit({"spec": {"_tasks": junk}}, KEY), Refused)


def make() -> JobSpec:
    return JobSpec(
        key="a", roi="r", recipe="relax", level="gfnff", structure="1\n\nC 0 0 0\n",
        frame="0" * 64, model="1" * 64, created_at_ns=1,
    )  # fmt: skip


def test_a_signed_job_is_admitted_as_it_was_signed() -> None:
    spec = make()
    assert admit(signed(spec, _priority=3.0), KEY) == Admitted(
        1, spec, task_document(spec, KEY)["signature"]
    )


def test_queue_settings_of_the_right_types_are_admitted_with_the_job() -> None:
    verdict = admit(signed(make(), _queueadapter=GOOD_QUEUE), KEY)
    assert isinstance(verdict, Admitted)
    assert verdict.request is not None
    assert verdict.request.as_document() == GOOD_QUEUE


@given(name=st.text(max_size=80))
@settings(max_examples=100, deadline=None)
def test_a_firework_must_carry_its_jobs_own_name(name: str) -> None:
    verdict = admit({**signed(make()), "name": name}, KEY)
    assert isinstance(verdict, Admitted) == (name == make().key)


def test_another_sites_key_does_not_count() -> None:
    verdict = admit(signed(make(), SigningKey(b"x" * 32)), KEY)
    assert isinstance(verdict, Refused)


def test_a_signed_job_of_another_version_is_refused_by_name_of_the_field() -> None:
    job = json.dumps({**json.loads(task_document(make(), KEY)["job"]), "shell": "true"})
    task = {"_fw_name": TASK_NAME, "job": job, "signature": KEY.sign(job)}
    verdict = admit({"fw_id": 1, "spec": {"_tasks": [task]}}, KEY)
    assert isinstance(verdict, Refused)
    assert "malformed" in verdict.reason


def test_our_task_refuses_to_run_in_a_stock_launcher() -> None:
    with pytest.raises(Exception, match="sim-dispatcher launch"):
        ComputeTask(job="{}", signature="").run_task({})


def test_a_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "launch.key"
    first, second = load_or_make_key(path), load_or_make_key(path)
    assert first.sign("x") == second.sign("x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["launch.key"]


def test_an_open_or_empty_key_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "launch.key"
    load_or_make_key(path)
    path.chmod(0o644)
    with pytest.raises(KeyRefusedError, match="Others may use"):
        load_or_make_key(path)
    path.write_text("")
    path.chmod(0o600)
    with pytest.raises(KeyRefusedError, match="does not hold"):
        load_or_make_key(path)


@pytest.mark.parametrize("name", ["a b", "x;touch y", "$(x)", "a\nb", "../up", "-x", "é", "x" * 65])
def test_a_launcher_takes_no_name_that_could_be_misread(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit):
        launch(folder=tmp_path / "jobs", worker=name)
    assert "cannot be a launcher's name" in capsys.readouterr().err
