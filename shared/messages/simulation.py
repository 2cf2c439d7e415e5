"""ROIs, jobs and answers: what the dispatcher picks, computes and sends back.

Payload 0 of an answer holds the final structure as extended XYZ (UTF-8), x, y, z in Å with
x = column and y = row of the frame: the mirror image of a matrix plot, stated here once.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.messages.atoms import Defect
from shared.messages.base import Digest, Identifier, Message, Part, Text

__all__ = [
    "Answer",
    "BondStatistics",
    "Job",
    "JobState",
    "Level",
    "Provenance",
    "Recipe",
    "Reference",
    "RingCensus",
    "Roi",
    "RoiState",
    "SimulationResult",
]

Recipe = Literal[
    "single_point",
    "relax",
    "relax_perimeter",
    "relax_z",
    "relax_h",
    "formation",
    "md",
    "adsorb",
    "neb",
    "image",
]
Level = Literal["gfnff", "gfn1", "gfn2", "pyscf", "gpaw", "qe", "dftb", "vasp"]
RoiState = Literal["candidate", "refused", "queued", "running", "done", "failed"]
JobState = Literal["reserved", "staged", "queued", "running", "done", "failed", "cancelled"]

RingCensus = dict[str, int]
"""Ring size (as text) to number of rings."""

NonNegative = Annotated[float, Field(ge=0)]


class Roi(Message):
    """A defect picked, or refused, for computing, and where it stands."""

    kind: Literal["roi"] = "roi"
    key: Identifier
    """The same physical defect keeps its key from frame to frame."""
    state: RoiState
    reason: Text | None = None
    """Why it was refused or failed, and what to do; or what it waits for."""
    defect: Defect
    frame: Digest
    """The frame it was cut from."""
    frame_index: int
    seen_frames: Annotated[int, Field(ge=1)] = 1
    """Frames in which this physical defect was recognised so far."""
    x_A: float
    """Column position in the session's sample frame, Å."""
    y_A: float
    radius_A: Annotated[float, Field(gt=0)]
    """Radius of the cut-out, Å."""
    priority: float = 0.0
    updated_at_ns: int


class Job(Message):
    """A recipe on a ROI at one level of theory."""

    kind: Literal["job"] = "job"
    key: Identifier
    roi: Identifier
    recipe: Recipe
    level: Level
    state: JobState
    reason: Text | None = None
    firework: int | None = None
    """`fw_id` in the LaunchPad."""
    n_atoms: Annotated[int, Field(ge=0)] = 0
    updated_at_ns: int


class BondStatistics(Part):
    """Lengths of one kind of bond after the calculation, Å."""

    mean: float
    min: float
    max: float
    n: Annotated[int, Field(ge=1)]


class Reference(Part):
    """What a formation energy is measured against."""

    pristine_eV: float
    """Total energy of the pristine cluster with the same rim."""
    mu_eV: dict[str, float]
    """Chemical potential of each element exchanged."""
    level: Level
    note: Text
    """In words: which solid or molecule each potential comes from."""


class SimulationResult(Part):
    """What a recipe returns; the structure travels beside it as extended XYZ."""

    recipe: Recipe
    level: Level
    energy_eV: float
    """Total energy."""
    formation_eV: float | None
    """E(defect) - E(pristine, same rim) - sum of delta n * mu; None where it means nothing."""
    reference: Reference | None
    uncertainty: dict[str, float] | None = None
    """Named parts of the error bar, eV; None = not yet estimated."""
    charge: int = 0
    unpaired: Annotated[int, Field(ge=0)] = 0
    bonds_A: dict[str, BondStatistics]
    """By kind, alphabetical: `C-C`, `C-H`, `C-Si`."""
    rings: dict[Literal["before", "after"], RingCensus]
    converged: bool
    steps: Annotated[int, Field(ge=0)]
    fmax_eV_A: NonNegative
    """Largest force on any free atom at the end."""
    wall_s: NonNegative
    cpu_s: NonNegative


class Provenance(Part):
    """The chain from detector counts to this number."""

    frame: Digest
    model: Digest
    structure: Digest
    """BLAKE3 of the input structure as extended XYZ."""
    software: Text
    """Code and version that computed it."""


class Answer(Message):
    """What a job returns to the operator."""

    kind: Literal["answer"] = "answer"
    roi: Identifier
    job: Identifier
    result: SimulationResult
    provenance: Provenance
    finished_at_ns: int
