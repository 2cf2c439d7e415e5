"""ROIs, jobs and answers: what the dispatcher picks, computes and sends back.

Payload 0 of an answer holds the final structure as extended XYZ (UTF-8), x, y, z in Å with
x = column and y = row of the frame: the mirror image of a matrix plot, stated here once. Payloads
1 and up hold its attachments, in the order of `Answer.attachments`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.messages.atoms import Defect
from shared.messages.base import Digest, Fraction, Identifier, Message, Part, Text
from shared.messages.reports import BondStatistics, Report, RingCensus

__all__ = [
    "Answer",
    "Attachment",
    "Disagreement",
    "Displacement",
    "Job",
    "JobState",
    "Level",
    "Provenance",
    "Recipe",
    "RecipeOptions",
    "Reference",
    "Roi",
    "RoiOrigin",
    "RoiState",
    "SimulationResult",
    "Wish",
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
    "error_bar",
]
"""`error_bar` answers no question of its own: it brings the parts of another answer's error bar."""
Level = Literal["gfnff", "gfn1", "gfn2", "pyscf", "gpaw", "qe", "dftb", "vasp"]
RoiState = Literal["candidate", "refused", "queued", "running", "done", "failed", "stale"]
"""`stale`: not seen where it was, or its frame was forgotten; comes back when it is seen again."""
RoiOrigin = Literal["defect", "random", "operator"]
"""Why it is looked at: a defect; a patch drawn at random for comparison; a place somebody named."""
Wish = Literal["first", "usual", "never"]
"""What the operator said of a ROI."""
JobState = Literal["reserved", "staged", "queued", "running", "done", "failed", "cancelled"]

NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


class RecipeOptions(Part):
    """What a recipe may be told; what does not concern it, it ignores."""

    fmax_eV_A: Positive = 0.05
    """Converged when no free atom feels more."""
    max_steps: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    """Optimiser steps before giving up; the result then says so."""
    temperature_K: Annotated[float, Field(gt=0, le=10_000)] = 300.0
    """Of the thermostat (`md`)."""
    duration_fs: Annotated[float, Field(gt=0, le=1e7)] = 2000.0
    """Length of a trajectory (`md`)."""
    timestep_fs: Annotated[float, Field(gt=0, le=10)] = 1.0
    """Step of the integrator (`md`)."""
    seed: Annotated[int, Field(ge=0, lt=1 << 32)] = 0
    """Of everything drawn at random."""
    adsorbate: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]{0,7}$")] = "Cr"
    """Atom or molecule put on the sheet (`adsorb`): Cr, CH, CH2, CH3, …"""
    site: Literal["hollow", "bridge", "top"] = "hollow"
    """Where it starts (`adsorb`)."""
    images: Annotated[int, Field(ge=3, le=31)] = 7
    """Images of a band, ends included (`neb`)."""
    max_wall_s: Positive | None = None
    """Stop at a checkpoint before this much wall time has gone; None = no limit."""


class Roi(Message):
    """A defect picked, or refused, for computing, and where it stands."""

    kind: Literal["roi"] = "roi"
    key: Identifier
    """The same physical defect keeps its key from frame to frame."""
    state: RoiState
    reason: Text | None = None
    """Why it was refused or failed, and what to do; or what it waits for."""
    defect: Defect
    origin: RoiOrigin = "defect"
    wish: Wish = "usual"
    previous: Identifier | None = None
    """The ROI that the beam turned into this one."""
    shape: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")] | None = None
    """Name of its bond graph, the same in every orientation; None where it could not be read."""
    similarity: Fraction | None = None
    """How alike it is to what was computed before (0 = new, 1 = the same); None = not compared."""
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
    options: RecipeOptions | None = None
    attempt: Annotated[int, Field(ge=1)] = 1
    """Which try this is; a failure that a milder setting may mend is tried again."""
    step: Annotated[int, Field(ge=0)] | None = None
    """Steps done so far while it runs."""
    worker: Text | None = None
    """The launcher that computes it, and the batch system's number of it where there is one."""
    updated_at_ns: int


class Reference(Part):
    """What a formation energy is measured against."""

    pristine_eV: float
    """Total energy of the pristine cluster with the same rim."""
    mu_eV: dict[str, float]
    """Chemical potential of each element exchanged."""
    level: Level
    note: Text
    """In words: which solid or molecule each potential comes from."""


class Displacement(Part):
    """How far the calculation moved the atoms that were detected, in the plane of the image."""

    rms_A: NonNegative
    """One-axis root mean square after rigid alignment."""
    sigma_A: NonNegative | None
    """The same, as the detector's own standard errors let expect; None = not known."""
    n_atoms: Annotated[int, Field(ge=1)]
    percent_x: NonNegative
    """Mean of |dx / x| x 100 with the paper's kind of origin, which `note` states."""
    percent_y: NonNegative
    note: Text


class Disagreement(Part):
    """What this level says differently from the one below it: a measure of trust."""

    below: Level
    formation_eV: float | None
    """This level's formation energy minus that of the level below; None where either has none."""
    bond_A: NonNegative
    """Largest difference of a mean bond length."""
    rms_A: NonNegative
    """Root mean square distance of the atoms after rigid alignment."""
    same_rings: bool


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
    """Named parts of the error bar, each name ending in its unit (`size_eV`, `topology_share`),
    and `total_eV`; None = not yet estimated."""
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
    moved: Displacement | None = None
    report: Report | None = None
    """What this recipe alone has to say."""


class Attachment(Part):
    """A file that belongs to an answer: input, output or picture."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    media_type: Annotated[str, Field(pattern=r"^[a-z]+/[A-Za-z0-9.+-]+$", max_length=80)]
    nbytes: Annotated[int, Field(ge=0)]
    digest: Digest
    """BLAKE3 of its content."""
    role: Literal["input", "output", "picture"]


class Provenance(Part):
    """The chain from detector counts to this number; each link names the one before it."""

    frame: Digest
    model: Digest
    atoms: Digest | None = None
    """BLAKE3 of the atom records of the frame's analysis, as they came over the wire."""
    structure: Digest
    """BLAKE3 of the input structure as extended XYZ."""
    inputs: Digest | None = None
    """BLAKE3 of the job's whole specification, as it was signed."""
    outputs: Digest | None = None
    """`shared.codec.digests.outputs_digest` of the final structure and the attachments."""
    software: Text
    """Code and version that computed it."""
    settings: Text | None = None
    """Level of theory and numerical settings in one line."""


class Answer(Message):
    """What a job returns to the operator."""

    kind: Literal["answer"] = "answer"
    roi: Identifier
    job: Identifier
    result: SimulationResult
    provenance: Provenance
    disagreement: Disagreement | None = None
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=7)] = ()
    note: Text | None = None
    """What does not travel with it, and why."""
    finished_at_ns: int
