"""Set-up: what it checks, what makes it work again, what it leaves alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy import bootstrap
from deploy.bootstrap import main
from deploy.command import SetupError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what decides the environment, set up already as far as the stamp says."""
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "STATE", tmp_path / ".atomloop")
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / ".venv" / "stamp.json")
    monkeypatch.setattr(bootstrap, "LOG", tmp_path / ".atomloop" / "setup.log")
    monkeypatch.setattr(sys, "argv", ["bootstrap", "--python-only"])
    digest = bootstrap._packages_digest()
    (tmp_path / ".venv" / "stamp.json").write_text(json.dumps({"digest": digest}))
    return tmp_path


def test_nothing_is_done_while_the_inputs_stay_the_same(checkout: Path) -> None:
    assert main() == 0
    assert not (checkout / ".atomloop" / "setup.log").exists()


def test_settings_of_tools_do_not_ask_for_another_installation(checkout: Path) -> None:
    before = bootstrap._packages_digest()
    with (checkout / "pyproject.toml").open("a") as project:
        project.write("\n[tool.other]\nkey = 1\n")
    assert bootstrap._packages_digest() == before


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_another_requirement_asks_for_another_installation(checkout: Path, name: str) -> None:
    before = bootstrap._packages_digest()
    text = (checkout / name).read_text().replace("msgpack", "msgpuck", 1)
    (checkout / name).write_text(text)
    assert bootstrap._packages_digest() != before


def test_a_full_disk_is_noticed_before_anything_is_installed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Usage(NamedTuple):
        free: float

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free=1e8))
    (checkout / ".venv" / "stamp.json").unlink()
    assert main() == 1
    assert "Only 0.1 GB are free" in capsys.readouterr().err


def test_a_python_that_is_too_old_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SetupError, match=r"Python 3\.9\.18 .* is too old") as caught:
        bootstrap._check_python()
    assert "3.11" in caught.value.remedy


def test_the_lock_pins_every_package_and_no_pytorch() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all("==" in line and "/" not in line for line in lines)
    assert not [line for line in lines if line.lower().startswith(("torch", "atomloop"))]


def test_set_up_needs_nothing_but_the_standard_library() -> None:
    script = "import deploy.bootstrap, sys; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = [{str(ROOT)!r}]; {script}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    roots = {name.partition(".")[0] for name in loaded} - {"deploy"}
    assert roots <= set(sys.stdlib_module_names) | {"__main__"}


class Recorder:
    """Stands in for the progress display and for the programs that set-up runs."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.commands: list[list[str]] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def begin(self, line: str) -> None:
        self.lines.append(line)

    def end(self, line: str = "done") -> None:
        self.lines.append(line)

    def run(self, arguments: list[str], **_: object) -> None:
        self.commands.append([word for word in arguments if word not in ("sudo", "-n")])


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        ({"apt-get"}, ["chromium", "slurm-wlm", "munge"]),
        ({"apt-get", "chromium"}, ["slurm-wlm", "munge"]),
        ({"apt-get", "chromium", "slurmctld", "munged"}, []),
    ],
)
def test_only_debian_packages_that_are_missing_are_installed(
    monkeypatch: pytest.MonkeyPatch, there: set[str], missing: list[str]
) -> None:
    recorder = Recorder()
    monkeypatch.setattr(shutil, "which", lambda name, **_: name if name in there else None)
    monkeypatch.setattr(bootstrap, "run_command", recorder.run)
    bootstrap._install_system_packages(recorder)  # type: ignore[arg-type]  # a display like it
    installs = [command[-len(missing) :] for command in recorder.commands if "install" in command]
    assert installs == ([missing] if missing else [])


def test_without_apt_the_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(bootstrap, "run_command", recorder.run)
    bootstrap._install_system_packages(recorder)  # type: ignore[arg-type]  # a display like it
    assert recorder.commands == []
    assert "chromium, slurm-wlm, munge by hand" in recorder.lines[0]
