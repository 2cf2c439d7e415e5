"""Start a program of chemistry: no shell, its own folder, a death tied to ours."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from threadpoolctl import threadpool_info

from shared.errors import SimulationError

__all__ = ["find_program", "last_words", "run_program", "start_program", "threads_in_force"]

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


def start_program(
    arguments: Sequence[str],
    folder: Path,
    printed: IO[bytes],
    *,
    talks: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a program that ends with the thread which started it.

    The tie is util-linux's `setpriv`: the kernel kills the program when that thread is gone.
    Where a host has no `setpriv`, a killed engine leaves its program to finish the point.

    Args:
        arguments: Absolute path of the program, then its arguments.
        folder: Where it runs.
        printed: Takes what it prints; only its complaints where it `talks`.
        talks: Whether its standard input and output are pipes to us.
    """
    setpriv = find_program("setpriv")
    tie = () if setpriv is None else (setpriv, "--pdeathsig", "KILL", "--")
    source, sink = (subprocess.PIPE, subprocess.PIPE) if talks else (subprocess.DEVNULL, printed)
    threads = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads_in_force())
    )
    return subprocess.Popen(  # noqa: S603 - a fixed argument list, never a shell
        [*tie, *arguments],
        cwd=folder,
        stdin=source,
        stdout=sink,
        stderr=printed,
        env={**os.environ, **_ALONE, **threads},
    )


def run_program(arguments: Sequence[str], folder: Path, output: str) -> str:
    """Run a program to its end.

    Args:
        arguments: Absolute path of the program, then its arguments.
        folder: Where it runs.
        output: File in the folder that takes everything it prints.

    Returns:
        What it printed.

    Raises:
        SimulationError: A signal ended it. An exit code that is not zero is for the caller to
            judge by what was printed.
    """
    with (folder / output).open("wb") as printed, start_program(arguments, folder, printed) as run:
        code = run.wait()
    if code < 0:
        raise SimulationError(
            f"{Path(arguments[0]).name} was ended by signal {-code}.",
            remedy="Use a smaller cluster or a cheaper level, or a host with more memory.",
        )
    return (folder / output).read_text("utf-8", "replace")


def last_words(text: str) -> str:
    """Return the last lines a program printed, in one line."""
    lines = [line.strip() for line in text[-_TAIL_BYTES:].splitlines() if line.strip()]
    return " / ".join(lines[-_TAIL_LINES:]) or "it printed nothing"
