"""Start a program of chemistry: no shell, its own folder, a death tied to ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from threadpoolctl import threadpool_info

from shared.errors import SimulationError

__all__ = [
    "find_program",
    "last_words",
    "leashed",
    "run_program",
    "surroundings",
    "threads_in_force",
]

_LEASH: Final = str(Path(__file__).with_name("leash.py"))

_TAIL_BYTES: Final = 2048
_TAIL_LINES: Final = 3

_ALONE: Final = {"OMPI_MCA_ess_singleton_isolated": "1", "OMPI_MCA_btl": "self"}
"""Open MPI, in a program started without `mpirun`: no daemon, no network."""


def find_program(name: str) -> str | None:
    """Return the absolute path of a program on PATH, or None."""
    return shutil.which(name)


def threads_in_force() -> int:
    """Return how many threads the numerical libraries of this process may use now."""
    counts = [int(pool["num_threads"]) for pool in threadpool_info()]
    return min(counts, default=1)


def surroundings() -> dict[str, str]:
    """Return the environment of a child: ours, with our thread count."""
    threads = str(threads_in_force())
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**os.environ, **_ALONE, **dict.fromkeys(names, threads)}


def leashed(arguments: Sequence[str]) -> list[str]:
    """Return the command that runs a program which dies with this thread."""
    return [sys.executable, "-I", "-S", _LEASH, *arguments]


def run_program(
    arguments: Sequence[str], folder: Path, output: str, given: str | None = None
) -> str:
    """Run a program to its end.

    Args:
        arguments: Absolute path of the program, then its arguments.
        folder: Where it runs.
        output: File in the folder that takes everything it prints.
        given: File in the folder that is its standard input; None = nothing.

    Returns:
        What it printed.

    Raises:
        SimulationError: It could not be started, or a signal ended it. An exit code that is not
            zero is for the caller to judge by what was printed.
    """
    with (folder / output).open("wb") as printed:
        source: IO[bytes] | int = (
            subprocess.DEVNULL if given is None else (folder / given).open("rb")
        )
        try:
            done = subprocess.run(  # noqa: S603 - a fixed argument list, never a shell
                leashed(arguments),
                cwd=folder,
                stdin=source,
                stdout=printed,
                stderr=subprocess.STDOUT,
                env=surroundings(),
                check=False,
            )
        finally:
            if not isinstance(source, int):
                source.close()
    text = (folder / output).read_text("utf-8", "replace")
    if done.returncode < 0:
        raise SimulationError(
            f"{Path(arguments[0]).name} was ended by signal {-done.returncode}.",
            remedy="Use a smaller cluster or a cheaper level, or a host with more memory.",
        )
    return text


def last_words(text: str) -> str:
    """Return the last lines a program printed, in one line."""
    lines = [line.strip() for line in text[-_TAIL_BYTES:].splitlines() if line.strip()]
    return " / ".join(lines[-_TAIL_LINES:]) or "it printed nothing"
