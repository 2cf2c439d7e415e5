"""`sim-dispatcher reproduce-paper`, as a user would call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sim_dispatcher.cli import app


def run(folder: Path, *arguments: object) -> Result:
    words = ["reproduce-paper", "--folder", str(folder), *map(str, arguments)]
    return CliRunner().invoke(app, words)


def test_the_cases_are_listed_without_computing_any(tmp_path: Path) -> None:
    result = run(tmp_path / "out", "--preset", "paper", "--list")
    assert result.exit_code == 0, result.output
    assert "md-5000K" in result.stdout
    assert "adsorb-CH3-top" in result.stdout
    assert not (tmp_path / "out").exists()


def test_a_small_programme_leaves_its_tables_in_the_folder(tmp_path: Path) -> None:
    result = run(tmp_path / "out", "--carbon", 24, "--only", "errors")
    assert result.exit_code == 0, result.output
    assert "RMS per axis" in result.stdout
    tables = json.loads((tmp_path / "out" / "tables.json").read_text())
    assert [table["name"] for table in tables] == ["errors"]
    assert len((tmp_path / "out" / "coordinates.csv").read_text().splitlines()) == 25
    assert (tmp_path / "out" / "relax.extxyz").exists()
    mixed = run(tmp_path / "out", "--carbon", 24, "--only", "errors", "--level", "gfn2")
    assert mixed.exit_code == 1
    assert "another programme: level" in mixed.stderr


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (("--level", "gfnff"), "keeps every bond"),
        (("--level", "magic"), "no level of theory"),
        (("--preset", "long"), "no preset called"),
        (("--only", "angles"), "names no table"),
        (("--near", "here"), "is no place"),
        (("--case", "99"), "no case 99"),
        (("--atoms", "missing.json"), "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_1(
    tmp_path: Path, arguments: tuple[str, ...], culprit: str
) -> None:
    result = run(tmp_path / "out", "--carbon", 24, *arguments)
    assert result.exit_code == 1
    assert culprit in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_walltime_ends_it_with_130_and_the_same_words_go_on(tmp_path: Path) -> None:
    words = ("--carbon", 24, "--only", "errors", "--max-wall", "0.001")
    stopped = run(tmp_path / "out", *words)
    assert stopped.exit_code == 130
    assert "stopped: " in stopped.stderr
    assert "not computed yet" in stopped.stdout
    done = run(tmp_path / "out", *words[:-2])
    assert done.exit_code == 0, done.output
