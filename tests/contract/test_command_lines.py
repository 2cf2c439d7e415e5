"""The console scripts: each command exists, explains itself, and refuses in plain words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
COMMANDS = {
    "edge-agent": ("run", "replay", "doctor", "config", "keys"),
    "inference-service": ("run", "analyze", "doctor", "config", "keys"),
    "sim-dispatcher": (
        "run",
        "compute",
        "launch",
        "inputs",
        "reproduce-paper",
        "database",
        "doctor",
        "config",
        "keys",
    ),
}


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / arguments[0]), *arguments[1:]],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("script", COMMANDS)
def test_a_console_script_lists_its_commands(script: str) -> None:
    answer = call(script, "--help")
    assert answer.returncode == 0, answer.stderr
    missing = [command for command in COMMANDS[script] if f" {command} " not in answer.stdout]
    assert not missing, f"{script} lacks {missing}"


@pytest.mark.parametrize("script", COMMANDS)
def test_a_settings_file_with_an_unknown_key_is_refused_in_one_line(
    script: str, tmp_path: Path
) -> None:
    config = tmp_path / "settings.toml"
    config.write_text('colour = "blue"\n')
    answer = call(script, "run", "--config", str(config))
    assert answer.returncode not in {0, None}
    assert "Traceback" not in answer.stderr
    assert "colour" in answer.stderr
    assert len(answer.stderr.strip().splitlines()) <= 3
