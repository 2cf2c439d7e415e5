"""Outside commands: their failures in plain words, their output in the log."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from deploy.command import SetupError, diagnose, run_command
from deploy.progress import Progress, clock_text


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("npm error code ENOTFOUND", "cannot be reached"),
        ("NewConnectionError ...\nERROR: Could not find a version that satisfies", "be reached"),
        ("ERROR: Could not find a version (from versions: none)", "cannot be reached"),
        ("ERROR: No matching distribution found for xtb==22.1", "no build of a package fits"),
        ("npm warn EBADENGINE Unsupported engine", "too old"),
        ("fatal error: Python.h: No such file or directory", "compiled"),
        ("src/main.ts(3,1): error TS2304\nSee the compiler's help", "error TS2304"),
    ],
)
def test_a_failure_is_explained_by_its_cause(output: str, cause: str) -> None:
    found, remedy = diagnose(output)
    assert cause in found
    assert remedy


def test_a_failing_command_is_named_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "setup.log"
    script = "import sys; print('[Errno 28] No space left on device'); sys.exit(3)"
    with pytest.raises(SetupError, match="disk is full") as caught:
        run_command([sys.executable, "-c", script], log=log, progress=Progress(io.StringIO()))
    assert str(log) in caught.value.remedy
    assert "No space left" in log.read_text()


def test_a_command_gets_no_input_and_leaves_its_whole_output_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "setup.log"
    script = "import sys; print(repr(sys.stdin.read())); print('last, without a line end', end='')"
    run_command([sys.executable, "-c", script], log=log, progress=Progress(io.StringIO()))
    assert log.read_text().endswith("''\nlast, without a line end")


def test_progress_elsewhere_than_on_a_terminal_is_plain_lines() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    progress.begin("Packages")
    progress.update("numpy")
    progress.end()
    assert stream.getvalue() == "Packages …\nPackages: done (0:00)\n"


def test_progress_on_a_terminal_redraws_one_line() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    progress = Progress(stream)
    progress.begin("Packages")
    progress.update("numpy")
    progress.end()
    assert stream.getvalue().count("\n") == 1
    assert "Packages  0:00  numpy" in stream.getvalue()


def test_durations_read_as_minutes_and_seconds() -> None:
    assert clock_text(67.9) == "1:07"
