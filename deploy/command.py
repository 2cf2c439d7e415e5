"""Outside commands (pip, npm, apt) with progress, a log, and failures in plain words.

Standard library only: the set-up runs before anything is installed.
"""

from __future__ import annotations

import os
import re
import selectors
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from deploy.progress import Progress

__all__ = ["PIP_INSTALL", "SetupError", "diagnose", "run_command"]

PIP_INSTALL = ("-m", "pip", "install", "--no-input", "--no-compile", "--progress-bar=off")
"""Arguments of a Python that make its pip install quietly, without asking. Bytecode is left to the
first import: most of what is installed is never imported."""

LOG_BYTES = 2_000_000
"""The log starts anew beyond this size."""

REFRESH_S = 0.2
"""Seconds between two looks at a silent command, for the elapsed time to move."""

CAUSES = (
    (
        r"No space left on device|ENOSPC",
        "the disk is full",
        "free about 3 GB on this file system, then repeat the command",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SELF_SIGNED_CERT",
        "the package index's certificate is not trusted here",
        "point PIP_CERT (pip) or NODE_EXTRA_CA_CERTS (npm) at your site's certificate bundle",
    ),
    (
        (
            r"NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|name resolution"
            r"|Name or service not known|Network is unreachable"
            r"|from versions: none|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT"
        ),
        "the package index cannot be reached",
        "check the network and proxy settings, then repeat the command: it goes on from there",
    ),
    (
        r"Could not find a version that satisfies|No matching distribution",
        "no build of a package fits this Python and processor",
        "use Python 3.11 on 64-bit Linux: `make setup PYTHON=python3.11`",
    ),
    (
        r"EBADENGINE|Unsupported engine|requires Node\.js",
        "the installed Node.js is too old",
        "install Node.js 20.19 or newer, or remove the old one: the set-up then brings its own",
    ),
    (
        r"Python\.h|error: command '.*(gcc|cc)'|Failed building wheel",
        "a package had to be compiled and could not be",
        "install a compiler and Python's headers (Debian: build-essential python3-dev)",
    ),
    (
        r"Permission denied|EACCES",
        "a file belongs to another user",
        "give the checkout to the user who runs the set-up (`chown -R`), or remove .venv",
    ),
)


class SetupError(Exception):
    """A step of the set-up that failed, with its cause and remedy.

    Args:
        message: What failed and why.
        remedy: What to do about it, in the imperative.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def diagnose(output: str) -> tuple[str, str]:
    """Find the cause of a failure in what a command printed.

    Args:
        output: The command's output, or its end.

    Returns:
        Cause and remedy; a pointer to the log where no known cause is found.
    """
    for pattern, cause, remedy in CAUSES:
        if re.search(pattern, output):
            return cause, remedy
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no output"]
    telling = [line for line in lines if re.search(r"\berror\b", line, re.IGNORECASE)]
    return (telling or lines)[-1], "read the log"


def run_command(
    arguments: Sequence[str],
    *,
    log: Path,
    progress: Progress,
    note: Callable[[str], str | None] = str.strip,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run a command to its end, showing what it is at.

    Args:
        arguments: Program and arguments; no shell is involved.
        log: File to which the whole output is appended.
        progress: The display.
        note: Maps a line of output to what the display says; None for the elapsed time alone.
        env: Variables to add to the environment.
        cwd: Folder to run in.

    Raises:
        SetupError: The command failed.
    """
    with log.open("ab") as sink:
        if sink.tell() > LOG_BYTES:
            sink.truncate(0)
        sink.write(("$ " + " ".join(arguments) + "\n").encode())
        sink.flush()
        start = sink.seek(0, os.SEEK_END)
        with subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
        ) as process:
            try:
                _relay(process, sink, progress, note)
            except BaseException:
                process.terminate()
                raise
    if process.returncode:
        tail = log.read_bytes()[start:].decode(errors="replace")
        cause, remedy = diagnose(tail)
        raise SetupError(
            f"`{Path(arguments[0]).name} {' '.join(arguments[1:4])} …` failed: {cause}.",
            f"{remedy} ({log} has the whole output).",
        )


def _relay(
    process: subprocess.Popen[bytes],
    sink: IO[bytes],
    progress: Progress,
    note: Callable[[str], str | None],
) -> None:
    """Copy a process's output to the log and its gist to the display."""
    if process.stdout is None:  # never: Popen was given a pipe
        return
    descriptor = process.stdout.fileno()
    detail, rest = "", b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            if selector.select(REFRESH_S):
                chunk = os.read(descriptor, 65536)
                if not chunk:
                    return
                sink.write(chunk)
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    detail = note(line.decode(errors="replace")) or detail
            progress.update(detail)
