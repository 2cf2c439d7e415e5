"""What the ledger needs of the workflow manager."""

from __future__ import annotations

from typing import Protocol

from shared.messages.simulation import JobState
from sim_dispatcher.ledger.records import JobSpec

__all__ = ["Workflows"]


class Workflows(Protocol):
    """One workflow of one firework per job, in a LaunchPad."""

    def stage(self, spec: JobSpec) -> int:
        """Add the job's workflow where no launcher sees it, unless it is there; return `fw_id`."""
        ...

    def is_whole(self, firework: int) -> bool:
        """Tell whether both the firework and its workflow are in the database."""
        ...

    def open(self, firework: int) -> None:
        """Let launchers see a staged firework."""
        ...

    def prioritise(self, firework: int, priority: float) -> None:
        """Change the order in which fireworks are checked out: larger first."""
        ...

    def settle(self, firework: int, state: JobState) -> None:
        """Bring a firework to an end that agrees with its job's, where it has not ended."""
        ...

    def requeue(self, firework: int) -> None:
        """Make a firework ready again after its launcher gave it back or vanished."""
        ...

    def ended(self, fireworks: list[int]) -> dict[int, str]:
        """Return those of some fireworks that have ended, each with how."""
        ...

    def stuck(self, fireworks: list[int]) -> list[int]:
        """Return those of some fireworks that are checked out."""
        ...

    def sweep(self) -> int:
        """Remove fireworks that a crash left without a workflow; return how many."""
        ...
