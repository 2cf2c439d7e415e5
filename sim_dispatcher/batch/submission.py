"""FireWorks' own submission, one firework at a time, with our part in place of `sbatch`.

`launch_rocket_to_queue` reserves the firework, writes the script and notes the job's number. Only
two things are ours: nothing but our queue adapter is made out of a document, and what is submitted
is looked up first.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, ClassVar

from fireworks import FWorker
from fireworks.queue import queue_launcher
from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter

from sim_dispatcher.batch.script import ScriptError
from sim_dispatcher.batch.submit import QueueUnknownError, SlurmRefusesError, Submitter
from sim_dispatcher.launch.routing import BATCH

__all__ = ["Outcome", "Submission"]

LOG_LEVEL = "CRITICAL"


class Outcome:
    """What became of the latest submission."""

    refusal: str | None = None
    """Why Slurm, or our check of the script, does not take the job; None where it may yet."""


class _OnceAdapter(CommonAdapter):  # type: ignore[misc]  # FireWorks is untyped
    """FireWorks' adapter, submitting by `Submitter`."""

    submitter: ClassVar[Submitter]
    outcome: ClassVar[Outcome]

    def submit_to_queue(self, script_file: str) -> str | None:
        """Submit a script in the current folder; return the job's number."""
        try:
            return self.submitter.submit(Path(script_file))
        except (ScriptError, SlurmRefusesError) as error:
            self.outcome.refusal = str(error)
        except QueueUnknownError:
            pass
        return None


class Submission:
    """Submits fireworks with the site's adapter.

    Args:
        launchpad: From `open_launchpad`.
        adapter: The adapter's document, from `queue_adapter`.
        folder: Each submission gets a folder of its own in here.
        submitter: Stands in for `sbatch`.
    """

    def __init__(
        self, launchpad: Any, adapter: dict[str, Any], folder: Path, submitter: Submitter
    ) -> None:
        outcome = Outcome()

        class Adapter(_OnceAdapter):
            """This site's adapter."""

        Adapter.submitter, Adapter.outcome = submitter, outcome
        self._outcome = outcome
        self._launchpad = launchpad
        self._adapter = Adapter.from_dict(adapter)
        self._folder = folder
        queue_launcher.load_object = Adapter.from_dict
        queue_launcher.cd = contextlib.chdir  # monty's own is deprecated and says so each time

    def submit(self, firework: int) -> Outcome | None:
        """Submit a firework that was admitted.

        Args:
            firework: Its `fw_id`.

        Returns:
            None where it is in the queue now, else why not; its firework is then ready again.
        """
        self._outcome.refusal = None
        worker = FWorker("atomloop-slurm", BATCH, {"fw_id": firework})
        number = queue_launcher.launch_rocket_to_queue(
            self._launchpad,
            worker,
            self._adapter,
            launcher_dir=str(self._folder),
            reserve=True,
            strm_lvl=LOG_LEVEL,
            create_launcher_dir=True,
            fw_id=firework,
        )
        return None if number else self._outcome
