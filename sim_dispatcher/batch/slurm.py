"""Slurm's own programs, by argument lists: what is in the queue, and three things to do about it.

Only this user's jobs are seen, and only by names that are job keys.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.errors import AtomLoopError
from sim_dispatcher.batch.submit import run_program

__all__ = ["BatchJob", "Slurm", "SlurmAwayError"]

ANSWER_S: Final = 20.0
"""Longest wait for one of Slurm's programs."""

_FORMAT: Final = "--format=%A|%T|%P|%r|%j"
_ENDED: Final = (
    "BOOT_FAIL,CANCELLED,COMPLETED,DEADLINE,FAILED,NODE_FAIL,OUT_OF_MEMORY,PREEMPTED,TIMEOUT"
)


class SlurmAwayError(AtomLoopError):
    """Slurm's controller did not answer; the same call may succeed later."""

    code = "slurm-away"


@dataclass(frozen=True)
class BatchJob:
    """A job in Slurm's queue.

    Attributes:
        number: Slurm's job id.
        state: As `squeue` calls it: PENDING, RUNNING, COMPLETING, …
        partition: Where it waits or runs.
        reason: Why it waits.
        name: The job's key in the ledger, if it is one of ours.
    """

    number: str
    state: str
    partition: str
    reason: str
    name: str


class Slurm:
    """Asks and tells Slurm's controller.

    Args:
        run: Runs a program; raises `subprocess.TimeoutExpired` when it takes too long.
    """

    def __init__(
        self,
        run: Callable[[Sequence[str], float], subprocess.CompletedProcess[str]] = run_program,
    ) -> None:
        self._run = run

    def jobs(self, name: str | None = None) -> list[BatchJob]:
        """Return this user's jobs that have not ended, or those of one name.

        Raises:
            SlurmAwayError: The controller does not answer.
        """
        named = [] if name is None else [f"--name={name}"]
        return _parsed(self._ask("squeue", "--noheader", "--me", _FORMAT, *named))

    def ended(self, name: str) -> str | None:
        """Return how the latest job of a name ended, None where Slurm has forgotten it.

        Raises:
            SlurmAwayError: The controller does not answer.
        """
        told = self._ask(
            "squeue", "--noheader", "--me", f"--states={_ENDED}", _FORMAT, f"--name={name}"
        )
        ended = sorted(_parsed(told), key=lambda job: int(job.number))
        return ended[-1].state if ended else None

    def cancel(self, numbers: Iterable[str]) -> None:
        """Cancel jobs; harmless where they have ended.

        Raises:
            SlurmAwayError: The controller does not answer.
        """
        wanted = list(numbers)
        if wanted:
            self._ask("scancel", "--quiet", *wanted)

    def move(self, number: str, partition: str) -> bool:
        """Move a waiting job to another partition; False where Slurm does not.

        Raises:
            SlurmAwayError: The controller does not answer.
        """
        done = self._done("scontrol", "update", f"jobid={number}", f"partition={partition}")
        return done.returncode == 0

    def _ask(self, *command: str) -> str:
        done = self._done(*command)
        if done.returncode != 0:
            said = done.stderr.strip()[-200:]
            if "Invalid job id" in said:
                return ""
            raise _away(command[0], said)
        return done.stdout

    def _done(self, *command: str) -> subprocess.CompletedProcess[str]:
        try:
            return self._run(command, ANSWER_S)
        except subprocess.TimeoutExpired as error:
            raise _away(command[0], "no answer in time") from error
        except OSError as error:
            raise _away(command[0], str(error)) from error


def _away(program: str, said: str) -> SlurmAwayError:
    return SlurmAwayError(
        f"Slurm does not answer: {program}: {said}.",
        remedy="Check that slurmctld runs and that this host may reach it; waiting goes on.",
    )


def _parsed(text: str) -> list[BatchJob]:
    return [BatchJob(*line.strip().split("|", 4)) for line in text.splitlines() if line.strip()]
