"""What may stand in a job script, and what FireWorks makes of the template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_dispatcher.batch.script import TEMPLATE, ScriptError, Submission, read_script

GOOD: dict[str, Any] = {
    "job_name": "Si_C3-0012-relax-gfn1-0a1b2c3d",
    "queue": "live",
    "walltime": "01:00:00",
    "cpus_per_task": 2,
    "mem": "2000M",
    "warning": 120,
    "rocket_launch": "/srv/site/bin/sim-dispatcher launch --singleshot -c /srv/a.toml --fw_id 7",
}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template.txt"
    path.write_text(TEMPLATE)
    return path


def filled(template: Path, folder: str = "/srv/batch/launcher_1", **values: Any) -> str:
    """Fill the template as FireWorks does."""
    adapter = CommonAdapter("SLURM", template_file=str(template), **values)
    return str(adapter.get_script_str(folder))


def test_what_fireworks_makes_of_the_template_is_accepted(template: Path) -> None:
    script = filled(template, **GOOD)
    assert read_script(script) == Submission(GOOD["job_name"], "/srv/batch/launcher_1")
    assert "$$" not in script
    assert "account" not in script
    assert "--requeue" in script
    assert "--signal=B:USR1@120" in script


def test_a_sites_account_and_quality_of_service_are_accepted(template: Path) -> None:
    script = filled(template, **GOOD, account="physics", qos="high", constraint="avx512")
    assert "--account=physics" in script
    assert read_script(script).name == GOOD["job_name"]


@pytest.mark.parametrize("field", sorted(GOOD))
@pytest.mark.parametrize(
    "poison",
    ["\ntouch x", "; touch x", "$(touch x)", "`touch x`", " && touch x", "|sh", "\n#SBATCH --uid=0",
     "'", '"', "\r", "\x00", "\\", "*", "~", "<x", ">x", "é"],
)  # fmt: skip
def test_no_value_brings_anything_of_its_own(template: Path, field: str, poison: str) -> None:
    values = {**GOOD, field: f"{GOOD[field]}{poison}"}
    with pytest.raises(ScriptError):
        read_script(filled(template, **values))


def test_a_script_that_is_cut_short_or_goes_on_is_refused(template: Path) -> None:
    script = filled(template, **GOOD)
    for damaged in ("", script[:-100], script + "touch x\n", script * 2, "x" * 10_000):
        with pytest.raises(ScriptError):
            read_script(damaged)


def test_the_output_goes_by_the_jobs_name(template: Path) -> None:
    script = filled(template, **GOOD).replace("--output=Si_C3", "--output=other")
    with pytest.raises(ScriptError, match="two values"):
        read_script(script)


@given(position=st.integers(0, 700), character=st.characters(codec="utf-8"))
@settings(max_examples=200, deadline=None)
def test_a_changed_character_is_refused_or_only_changes_a_value(
    tmp_path_factory: pytest.TempPathFactory, position: int, character: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "template.txt"
    path.write_text(TEMPLATE)
    script = filled(path, **GOOD)
    position %= len(script)
    changed = script[:position] + character + script[position + 1 :]
    try:
        read_script(changed)
    except ScriptError:
        return
    assert changed.count("\n") in (script.count("\n"), script.count("\n") - 1)
    assert (
        not set(changed)
        - set(script)
        - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+@=:-/ ")
    )
