"""What the ledger keeps of a job: its specification, which never changes, and its record.

A job's key names one computation (one ROI, one recipe, one level). It is the record's `_id`, so
that whatever is retried, the key exists once.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import Field

from shared.messages.base import Digest, Fraction, Identifier, Part, Text
from shared.messages.simulation import (
    Job,
    JobState,
    Level,
    Recipe,
    RecipeOptions,
    SimulationResult,
)
from sim_dispatcher.failures import Adjustments, FailureKind
from sim_dispatcher.ledger.attempts import ATTEMPTS_KEPT, Attempt

__all__ = ["JobAnswer", "JobFile", "JobProgress", "JobRecord", "JobSpec", "Variant"]

MAX_STRUCTURE_CHARS = 4_000_000
"""About 40,000 atoms; a record must stay below MongoDB's 16 MiB."""


class Variant(Part):
    """The same place under another reading, for an error bar.

    A species or an atom that detection holds possible (with its probability), or a larger cut.
    """

    name: Annotated[str, Field(min_length=1, max_length=120)]
    kind: Literal["alternative", "larger"]
    weight: Fraction | None = None
    """Probability of this reading; None where it is not one of several."""
    structure: Annotated[str, Field(min_length=1, max_length=MAX_STRUCTURE_CHARS)]
    """As extended XYZ."""


class JobFile(Part):
    """A small file that goes with a result."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    media_type: Annotated[str, Field(pattern=r"^[a-z]+/[A-Za-z0-9.+-]+$", max_length=80)]
    role: Literal["input", "output", "picture"]
    encoding: Literal["text", "base64"] = "text"
    content: Annotated[str, Field(max_length=2_000_000)]


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
    options: RecipeOptions = RecipeOptions()
    variants: Annotated[tuple[Variant, ...], Field(max_length=8)] = ()
    """Other readings of the place (`error_bar`)."""
    priority: float = 0.0
    """Larger runs first; may be changed later."""
    frame: Digest
    """The frame it was cut from."""
    model: Digest
    """The detector that saw the atoms."""
    atoms: Digest | None = None
    """BLAKE3 of the frame's atom records as they came over the wire."""
    created_at_ns: Annotated[int, Field(ge=0)]

    def canonical(self) -> str:
        """Return the one text of this job that is signed and hashed: sorted, compact JSON."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


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
    settings: Text | None = None
    """Level of theory and numerical settings in one line."""
    files: Annotated[tuple[JobFile, ...], Field(max_length=7)] = ()


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
    tries: Annotated[dict[FailureKind, int], Field(default_factory=dict)]
    """How often each kind of failure was followed by another attempt."""
    adjustments: Adjustments = Adjustments()
    """What the present attempt does differently; follows from `tries`."""
    attempts: Annotated[tuple[Attempt, ...], Field(max_length=ATTEMPTS_KEPT)] = ()
    """The latest attempts that were followed by another."""
    spent_wall_s: float = 0.0
    """Wall time of all attempts, s."""
    spent_cpu_s: float = 0.0
    """Processor time of all attempts, s."""
    claimed_at_ns: int = 0
    heartbeat_ns: int = 0
    progress: JobProgress | None = None
    result: SimulationResult | None = None
    structure: str | None = None
    """The final structure as extended XYZ."""
    software: Text | None = None
    """Code and version that computed the result."""
    settings: Text | None = None
    """Level of theory and numerical settings in one line."""
    files: tuple[JobFile, ...] = ()
    reason: Text | None = None
    """Why it failed or was cancelled."""
    remedy: Text | None = None
    """What to do about it."""
    late_results: Annotated[int, Field(ge=0)] = 0
    """Results that came with an outdated token: recorded, not applied."""
    updated_at_ns: int

    def as_job(self) -> Job:
        """Return the message that tells the service and the operator about it."""
        words = (self.reason, self.remedy) if self.reason else (self._retry(),)
        reason = " ".join(part for part in words if part)[:500]
        return Job(
            key=self.key,
            roi=self.spec.roi,
            recipe=self.spec.recipe,
            level=self.spec.level,
            state=self.state,
            reason=reason or None,
            firework=self.firework,
            n_atoms=_atom_count(self.spec.structure),
            options=self.spec.options,
            attempt=self.adjustments.attempt,
            step=None if self.progress is None else self.progress.step,
            worker=self.worker,
            updated_at_ns=self.updated_at_ns,
        )

    def _retry(self) -> str:
        """Return why an unfinished job is at another attempt, empty where it is at its first."""
        if not self.attempts or self.state not in ("queued", "running"):
            return ""
        last = self.attempts[-1]
        return f"Attempt {self.adjustments.attempt}: {last.next}. Before: {last.reason}"


def _atom_count(structure: str) -> int:
    """Return the number on the first line of an extended XYZ text, 0 where there is none."""
    first = structure.split("\n", 1)[0].strip()
    return int(first) if first.isdigit() else 0
