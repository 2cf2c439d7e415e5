"""The only task that AtomLoop puts into a LaunchPad."""

from __future__ import annotations

from typing import Any, ClassVar, Final, NoReturn

from fireworks.core.firework import FiretaskBase

from shared.errors import ConfigurationError

__all__ = ["TASK_NAME", "ComputeTask"]

TASK_NAME: Final = "AtomLoop::Compute"
"""The task's `_fw_name`."""


class ComputeTask(FiretaskBase):  # type: ignore[misc]  # FireWorks is untyped
    """A signed job: `job` is its specification as JSON text, `signature` stands for it.

    The job stays one text, so that what was signed is what is read, and FireWorks' guesses at dates
    within a specification do not touch it.
    """

    _fw_name = TASK_NAME
    required_params: ClassVar[list[str]] = ["job", "signature"]
    optional_params: ClassVar[list[str]] = []

    def run_task(self, fw_spec: dict[str, Any]) -> NoReturn:
        """Refuse to run in a launcher that does not check signatures.

        Raises:
            ConfigurationError: Always; `sim-dispatcher launch` computes jobs itself.
        """
        del fw_spec
        raise ConfigurationError(
            "AtomLoop's jobs run in AtomLoop's launcher alone, which checks their signatures.",
            remedy="Start `sim-dispatcher launch` instead of `rlaunch`.",
        )
