"""How a calculation ends without a result: each way has a code that retries go by."""

from __future__ import annotations

from pathlib import Path

from shared.errors import AtomLoopError, SimulationError

__all__ = ["ExplodedGeometryError", "ForcesNotFiniteError", "FragmentsError", "UnfinishedError"]


class ExplodedGeometryError(SimulationError):
    """An atom left its place, or a trajectory heated up beyond all bounds."""

    code = "exploded"


class FragmentsError(SimulationError):
    """The cluster fell into pieces while it relaxed."""

    code = "fragments"


class ForcesNotFiniteError(SimulationError):
    """The engine returned an energy or forces that are not numbers."""

    code = "not-a-number"


class UnfinishedError(AtomLoopError):
    """The time allowed was up, or somebody asked for a stop; the work so far is kept.

    Args:
        step: Steps that the checkpoint holds.
        checkpoint: File from which the same calculation goes on; None = none was wanted.
    """

    code = "unfinished"

    def __init__(self, step: int, checkpoint: Path | None) -> None:
        kept = "nothing was kept" if checkpoint is None else f"kept in {checkpoint.name}"
        super().__init__(
            f"The calculation was stopped at step {step}; {kept}.",
            remedy="Run it again with the same checkpoint file: it goes on from there."
            if checkpoint is not None
            else "Give it a checkpoint file, from which it can go on, or more time.",
        )
        self.step = step
        self.checkpoint = checkpoint
