from __future__ import annotations

import json
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from edge_agent.checks import checks
from edge_agent.cli import app
from edge_agent.settings import EdgeSettings, LinkSettings
from shared.checks import examine
from shared.listing import listing
from shared.settings import load_settings


@pytest.fixture
def runner() -> Iterator[CliRunner]:
    """Runs commands in this process and takes back their signal handler and logs."""
    before = signal.getsignal(signal.SIGTERM)
    yield CliRunner()
    signal.signal(signal.SIGTERM, before)
    structlog.reset_defaults()


def test_listing_reads_back_to_the_same_settings(tmp_path: Path) -> None:
    settings = EdgeSettings.model_validate(
        {
            "session": "s-1",
            "link": {"key_file": 'odd "name".key_secret'},
            "source": {"kind": "replay", "replay": {"paths": ["a", "b"], "rate_per_s": 2.5}},
        }
    )
    file = tmp_path / "edge.toml"
    file.write_text(listing(settings), "utf-8")
    assert load_settings(EdgeSettings, file) == settings


def test_config_prints_the_settings_in_force(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "edge.toml"
    file.write_text("[source.nion]\npixels = 512\ndwell_time_us = 2.0\n")
    monkeypatch.setenv("ATOMLOOP_EDGE_SOURCE__NION__DWELL_TIME_US", "8")
    result = runner.invoke(app, ["config", "--config", str(file)])
    shown = tomllib.loads(result.output)
    assert result.exit_code == 0
    assert (shown["source"]["nion"]["pixels"], shown["source"]["nion"]["dwell_time_us"]) == (512, 8)


def test_every_setting_says_what_it_is(runner: CliRunner) -> None:
    schema = json.loads(runner.invoke(app, ["config", "--schema"]).output)
    leaves = [
        (name, key)
        for name, part in {"EdgeSettings": schema, **schema["$defs"]}.items()
        for key, value in part["properties"].items()
        if name != "LogSettings"  # the same for all services
        and "$ref" not in value
        and "description" not in value
    ]
    assert leaves == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[source]\nknid = 'nion'\n", "source.knid"),
        ("not toml", "TOML"),
        ("[link]\nendpoint = 'x'\n", "link.endpoint"),
    ],
)
def test_a_wrong_file_gives_one_line_and_an_exit_code(
    runner: CliRunner, tmp_path: Path, text: str, word: str
) -> None:
    file = tmp_path / "edge.toml"
    file.write_text(text)
    result = runner.invoke(app, ["run", "--config", str(file)])
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert word in result.output
    assert "Remedy" in result.output


def test_running_without_keys_says_how_to_make_them(runner: CliRunner, tmp_path: Path) -> None:
    result = runner.invoke(app, ["replay", str(tmp_path)])
    assert result.exit_code == 1
    assert "edge-agent keys" in result.output


def test_arguments_win_over_the_environment(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATOMLOOP_EDGE_LINK__KEY_FILE", "environment.key_secret")
    result = runner.invoke(
        app, ["replay", str(tmp_path), "--key-file", "argument", "--server-key", "argument.key"]
    )
    assert result.exit_code == 1
    assert "argument" in result.output
    assert "environment" not in result.output


def test_a_wrong_argument_is_named(runner: CliRunner, tmp_path: Path) -> None:
    result = runner.invoke(app, ["replay", str(tmp_path), "--endpoint", "http://host"])
    assert result.exit_code == 1
    assert "--endpoint" in result.output


def test_keys_are_made_once_and_never_overwritten(runner: CliRunner, tmp_path: Path) -> None:
    first = runner.invoke(app, ["keys", str(tmp_path), "--name", "stem-1"])
    assert first.exit_code == 0
    assert (tmp_path / "stem-1.key_secret").stat().st_mode & 0o077 == 0
    again = runner.invoke(app, ["keys", str(tmp_path), "--name", "stem-1"])
    assert again.exit_code == 1
    assert "exists already" in again.output


def test_doctor_names_each_fault_with_its_remedy(runner: CliRunner) -> None:
    result = runner.invoke(
        app, ["doctor"], env={"ATOMLOOP_EDGE_LINK__ENDPOINT": "tcp://127.0.0.1:1"}
    )
    assert result.exit_code == 1
    assert "BAD  keys" in result.output
    assert "nothing listens at tcp://127.0.0.1:1" in result.output
    assert result.output.count("Remedy") == 2


def test_doctor_finds_keys_and_packages_that_are_there(key_folder: Path) -> None:
    link = LinkSettings(
        endpoint="tcp://127.0.0.1:1",
        server_key=key_folder / "service.key",
        key_file=key_folder / "stranger.key_secret",
    )
    findings = {
        finding.subject: finding.well for finding in examine(checks(EdgeSettings(link=link)))
    }
    assert findings == {
        "Python": True,
        "packages of source nion": True,
        "keys": True,
        "inference service": False,
    }


@pytest.mark.parametrize("command", ["run", "replay", "doctor", "config", "keys"])
def test_every_command_explains_itself(runner: CliRunner, command: str) -> None:
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 5
