"""`python -m sim_dispatcher.batch.submit SCRIPT`: sbatch that submits a job once.

Stands in for `sbatch` under FireWorks' queue adapter. It looks for the job by its name first, and
again where sbatch's answer is lost, so that neither a crash of the submitter nor a controller that
does not answer makes two jobs of one. Prints what `sbatch` prints.

Standard library only, for a quick start.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sim_dispatcher.batch.script import ScriptError, Submission, read_script

__all__ = ["QueueUnknownError", "SlurmRefusesError", "Submitter", "main", "run_program"]

SBATCH_S: Final = 30.0
SQUEUE_S: Final = 10.0
LOOK_AGAIN_S: Final = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Waits between looks for a job whose submission was not answered, or that is about to end."""

_WAITING: Final = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "CONFIGURING", "SUSPENDED"})


_UNCLEAR: Final = ("contact", "timed out", "Zero Bytes", "connect", "Communication")
"""In what sbatch says when it does not know itself what became of the job."""


class QueueUnknownError(Exception):
    """Whether the job is in the queue cannot be told: nothing may be submitted."""


class SlurmRefusesError(Exception):
    """Slurm does not take the job as it is."""


@dataclass(frozen=True)
class Submitter:
    """Submits scripts.

    Attributes:
        run: Runs a program; raises `subprocess.TimeoutExpired` when it takes too long.
        wait: Waits for so many seconds.
    """

    run: Callable[[Sequence[str], float], subprocess.CompletedProcess[str]]
    wait: Callable[[float], object]

    def submit(self, script: Path) -> str:
        """Submit a script, unless its job is there.

        Args:
            script: Written by FireWorks.

        Returns:
            The job's number.

        Raises:
            ScriptError: It is not what our template makes.
            SlurmRefusesError: Slurm does not take the job.
            QueueUnknownError: Slurm does not answer.
        """
        wanted = read_script(script.read_text("utf-8"))
        known = self._settled(wanted)
        return known or self._sbatch(script, wanted)

    def _settled(self, wanted: Submission) -> str | None:
        """Return the number of this job where it is there.

        One of the same name that waits is this job. One that runs is an earlier part of it that is
        about to end, or this very submission; if it does not end, the new one waits behind it.
        """
        for pause in (*LOOK_AGAIN_S[:3], None):
            jobs = self._look(wanted.name)
            for number, state, folder in jobs:
                if state in _WAITING or folder == wanted.folder:
                    return number
            if not jobs or pause is None:
                return None
            self.wait(pause)
        return None

    def _sbatch(self, script: Path, wanted: Submission) -> str:
        try:
            done = self.run(["sbatch", "--parsable", str(script)], SBATCH_S)
            if done.returncode == 0:
                return done.stdout.strip().partition(";")[0]
            said = (done.stderr or done.stdout).strip()[-300:]
            if done.returncode > 0 and not any(words in said for words in _UNCLEAR):
                raise SlurmRefusesError(said)
        except subprocess.TimeoutExpired:
            said = "sbatch did not answer in time"
        for pause in LOOK_AGAIN_S:  # it may have been accepted all the same
            for number, state, folder in self._look(wanted.name):
                if state in _WAITING or folder == wanted.folder:
                    return number
            self.wait(pause)
        raise QueueUnknownError(said)

    def _look(self, name: str) -> list[tuple[str, str, str]]:
        """Return number, state and folder of the jobs of a name that have not ended."""
        command = ["squeue", "--noheader", "--me", f"--name={name}", "--format=%A|%T|%Z"]
        for pause in (*LOOK_AGAIN_S, None):
            try:
                done = self.run(command, SQUEUE_S)
                if done.returncode == 0:
                    lines = done.stdout.strip().splitlines()
                    return [(n, state, at) for n, state, at in (x.split("|", 2) for x in lines)]
            except subprocess.TimeoutExpired:
                pass
            if pause is not None:
                self.wait(pause)
        raise QueueUnknownError("squeue does not answer")


def main() -> int:
    """Submit the script that the only argument names; return the exit code."""
    submitter = Submitter(run_program, threading.Event().wait)
    try:
        number = submitter.submit(Path(sys.argv[1]))
    except (ScriptError, SlurmRefusesError, QueueUnknownError, OSError, IndexError) as error:
        sys.stderr.write(f"not submitted: {error}\n")
        return 1
    sys.stdout.write(f"Submitted batch job {number}\n")
    return 0


def run_program(command: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run one of Slurm's programs to its end.

    Args:
        command: Program and arguments.
        timeout_s: Longest time, s.

    Raises:
        subprocess.TimeoutExpired: It took longer, and was killed.
    """
    return subprocess.run(  # noqa: S603 - a fixed program and checked arguments, never a shell
        command, capture_output=True, text=True, timeout=timeout_s, check=False
    )


if __name__ == "__main__":
    sys.exit(main())
