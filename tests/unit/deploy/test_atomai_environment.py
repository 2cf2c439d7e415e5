"""AtomAI's environment is made once, exactly as locked, and again when the lock changes."""

import re
import tomllib
from pathlib import Path

import pytest

from deploy import atomai_environment
from deploy.atomai_environment import make_environment
from deploy.command import SetupError
from deploy.progress import Progress

ROOT = Path(__file__).resolve().parents[3]
LOCK = [
    line
    for line in (ROOT / "constraints-atomai.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


@pytest.fixture
def commands(tmp_path, monkeypatch):
    (tmp_path / "constraints-atomai.txt").write_text("atomai==0.8.1\n")
    ran = []

    def record(arguments, **_):
        ran.append(arguments)
        (tmp_path / ".venv-atomai").mkdir(exist_ok=True)

    monkeypatch.setattr(atomai_environment, "run_command", record)
    return ran


def test_it_is_made_once(commands, tmp_path):
    make_environment(tmp_path, Progress())
    first = len(commands)
    make_environment(tmp_path, Progress())
    assert len(commands) == first == 3
    assert "--clear" in commands[0]


def test_everything_but_pytorch_is_installed_without_the_resolver(commands, tmp_path):
    make_environment(tmp_path, Progress())
    torch, rest = commands[1:]
    assert torch[-1] == "torch"
    assert "--no-deps" not in torch
    assert "--no-deps" in rest


def test_another_lock_makes_it_anew(commands, tmp_path):
    make_environment(tmp_path, Progress())
    (tmp_path / "constraints-atomai.txt").write_text("atomai==0.8.2\n")
    make_environment(tmp_path, Progress())
    assert len(commands) == 6


@pytest.mark.usefixtures("commands")
def test_a_failure_leaves_nothing_that_looks_finished(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise SetupError("pip failed", "read the log")

    monkeypatch.setattr(atomai_environment, "run_command", fail)
    with pytest.raises(SetupError):
        make_environment(tmp_path, Progress())
    assert not (tmp_path / ".venv-atomai" / "atomloop-setup.json").exists()


def test_a_full_disk_is_told_before_anything_is_fetched(commands, tmp_path, monkeypatch):
    monkeypatch.setattr(atomai_environment, "DISK_GB", 1e9)
    with pytest.raises(SetupError, match="free"):
        make_environment(tmp_path, Progress())
    assert not commands


def test_the_lock_is_exact():
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.]*", line) for line in LOCK)


def test_the_lock_pins_what_training_pins_and_no_torchvision():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pins = {line.partition("==")[0]: line for line in LOCK}
    assert pins["torch"] in project["project"]["optional-dependencies"]["train"]
    assert pins["atomai"] == "atomai==0.8.1"
    assert "torchvision" not in pins
