"""What the ledger keeps of a job: its specification, which never changes, and its record.

A job's key names one computation (one ROI, one recipe, one level). It is the record's `_id`, so
that whatever is retried, the key exists once.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.messages.base import Digest, Identifier, Part, Text
from shared.messages.simulation import Job, JobState, Level, Recipe, SimulationResult

__all__ = ["JobAnswer", "JobOptions", "JobProgress", "JobRecord", "JobSpec"]

MAX_STRUCTURE_CHARS = 4_000_000
"""About 40,000 atoms; a record must stay below MongoDB's 16 MiB."""


class JobOptions(Part):
    """What a recipe may be told."""

    fmax_eV_A: Annotated[float, Field(gt=0)] = 0.05
    """Converged when no free atom feels more."""
    max_steps: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    """Optimiser steps before giving up; the result then says so."""


class JobSpec(Part):
    """A computation to be done, complete enough to be done anywhere."""

    key: Identifier
    """Names the computation; submitting the same key again changes nothing."""
    roi: Identifier
    recipe: Recipe
    level: Level
    structure: Annotated[str, Field(min_length=1, max_length=MAX_STRUCTURE_CHARS)]
    """The input as extended XYZ: x, y, z in Å, x = column."""
    charge: int = 0
    unpaired: Annotated[int, Field(ge=0)] = 0
    """Unpaired electrons."""
    options: JobOptions = JobOptions()
    priority: float = 0.0
    """Larger runs first; may be changed later."""
    frame: Digest
    """The frame it was cut from."""
    model: Digest
    """The detector that saw the atoms."""
    created_at_ns: Annotated[int, Field(ge=0)]


class JobProgress(Part):
    """How far a running job is."""

    step: Annotated[int, Field(ge=0)]
    energy_eV: float | None = None
    fmax_eV_A: Annotated[float, Field(ge=0)] | None = None
    """Largest force on any free atom."""


class JobAnswer(Part):
    """What a recipe returned."""

    result: SimulationResult
    structure: str
    """The final structure as extended XYZ."""
    software: Text
    """Code and version that computed it."""


class JobRecord(Part):
    """Where a job stands."""

    key: Identifier
    spec: JobSpec
    state: JobState
    revision: Annotated[int, Field(ge=0)] = 0
    """Grows with every change of any record; 0 while a change awaits its number."""
    priority: float = 0.0
    firework: int | None = None
    """`fw_id` in the LaunchPad."""
    token: Annotated[int, Field(ge=0)] = 0
    """Fencing token of the latest claim."""
    worker: str | None = None
    """The launcher that holds, or last held, the claim."""
    losses: Annotated[int, Field(ge=0)] = 0
    """Launchers that fell silent over it."""
    heartbeat_ns: int = 0
    progress: JobProgress | None = None
    result: SimulationResult | None = None
    structure: str | None = None
    """The final structure as extended XYZ."""
    software: Text | None = None
    """Code and version that computed the result."""
    reason: Text | None = None
    """Why it failed or was cancelled."""
    remedy: Text | None = None
    """What to do about it."""
    late_results: Annotated[int, Field(ge=0)] = 0
    """Results that came with an outdated token: recorded, not applied."""
    updated_at_ns: int

    def as_job(self) -> Job:
        """Return the message that tells the service and the operator about it."""
        reason = " ".join(part for part in (self.reason, self.remedy) if part)[:500]
        return Job(
            key=self.key,
            roi=self.spec.roi,
            recipe=self.spec.recipe,
            level=self.spec.level,
            state=self.state,
            reason=reason or None,
            firework=self.firework,
            n_atoms=_atom_count(self.spec.structure),
            updated_at_ns=self.updated_at_ns,
        )


def _atom_count(structure: str) -> int:
    """Return the number on the first line of an extended XYZ text, 0 where there is none."""
    first = structure.split("\n", 1)[0].strip()
    return int(first) if first.isdigit() else 0
