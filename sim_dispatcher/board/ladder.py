"""The ladder of theory for one ROI: which jobs are due, and in which order they run.

The first answer never waits: all quick levels are asked at once, the quickest first. The error bar
follows the highest of them. A density functional is asked on a small cut, where the levels below
contradict each other or the operator asks; it starts from their relaxed structure. No rung
overwrites another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from blake3 import blake3

from shared.messages import Disagreement, Level, Recipe, RecipeOptions
from sim_dispatcher.board.cut import Cut, Piece
from sim_dispatcher.ledger import JobRecord, Variant

__all__ = [
    "BAR",
    "WITHDRAWN",
    "Ladder",
    "Situation",
    "Step",
    "afresh",
    "due",
    "promotes",
    "withdrawn",
]

BAR: Final = "error_bar"

RUNG: Final = 10.0
"""Every job of a quicker level comes before those of the next."""

LATER: Final[Mapping[str, float]] = {"high": -20.0, "bar": -40.0}
"""A density functional and an error bar run when no first answer waits."""

WITHDRAWN: Final = "withdrawn: "
"""How the reason begins for which a job was cancelled that is asked for afresh when the reason is
gone: the defect comes back, or the operator releases it."""

ASKED: Final = 500.0
"""What the operator orders by name comes before what selection finds, after what he picks."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Which rungs there are.

    Attributes:
        levels: Asked for every ROI, quickest first.
        error_bar: Whether the highest of them gets an error bar.
        high: Level above them; None = none.
        bond_A: The levels below contradict each other from this difference of a mean bond, Å.
        rms_A: Or from this distance of their relaxed structures, Å.
        small_atoms: Most atoms of the small cut, H included.
        options: Convergence of every rung.
    """

    levels: tuple[Level, ...] = ("gfnff", "gfn1")
    error_bar: bool = True
    high: Level | None = None
    bond_A: float = 0.03
    rms_A: float = 0.3
    small_atoms: int = 60
    options: RecipeOptions = field(default_factory=RecipeOptions)

    @property
    def top(self) -> Level:
        """The highest level that is asked for every ROI."""
        return self.levels[-1]

    def lift(self, recipe: Recipe, level: Level) -> float:
        """Return what a job's priority has beyond its ROI's."""
        if recipe == BAR:
            return LATER["bar"]
        if recipe == "relax" and level in self.levels:
            return RUNG * (len(self.levels) - 1 - self.levels.index(level))
        return LATER["high"] if level == self.high else ASKED


@dataclass(frozen=True, slots=True)
class Step:
    """One job of a ROI, before it has a specification.

    Attributes:
        recipe: What is computed.
        level: By which theory.
        piece: From which atoms.
        options: What the recipe is told.
        variants: Other readings, for an error bar.
        again: How many jobs for the same were cancelled before.
    """

    recipe: Recipe
    level: Level
    piece: Piece
    options: RecipeOptions = field(default_factory=RecipeOptions)
    variants: tuple[Variant, ...] = ()
    again: int = 0

    def key(self, roi: str) -> str:
        """Return the name of the computation: of everything that it depends on."""
        parts = [
            self.piece.model_dump_json(exclude={"n_heavy"}),
            self.options.model_dump_json(),
            *(variant.model_dump_json() for variant in self.variants),
        ]
        if self.again:
            parts.append(str(self.again))
        digest = blake3("\n".join(parts).encode()).hexdigest()[:8]
        return f"{roi}-{self.recipe}-{self.level}-{digest}"


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a ROI stands on the ladder.

    Attributes:
        roi: Its key.
        cut: What was cut out for it.
        jobs: Its jobs by key.
        trusts: What jobs say differently from the level below them, by their keys.
        asked: Level above the quick ones that the operator asks for.
        random: Whether it is a random patch, which is computed without error bar.
        halted: Whether nothing new is to be started for it.
    """

    roi: str
    cut: Cut
    jobs: Mapping[str, JobRecord]
    trusts: Mapping[str, Disagreement] = field(default_factory=dict)
    asked: Level | None = None
    random: bool = False
    halted: bool = False


def due(ladder: Ladder, here: Situation) -> list[Step]:
    """Return the steps that should be under way and are not, in order.

    Args:
        ladder: The rungs.
        here: Where the ROI stands.
    """
    if here.halted:
        return []
    wanted = [afresh(here.roi, here.jobs, step) for step in _wanted(ladder, here)]
    return [step for step in wanted if step.key(here.roi) not in here.jobs]


def withdrawn(record: JobRecord) -> bool:
    """Tell whether a job was cancelled for a reason that may go."""
    return record.state == "cancelled" and (record.reason or "").startswith(WITHDRAWN)


def promotes(ladder: Ladder, trust: Disagreement) -> bool:
    """Tell whether two levels contradict each other enough for a third to be asked."""
    far = trust.bond_A >= ladder.bond_A or trust.rms_A >= ladder.rms_A
    return far or not trust.same_rings


def _wanted(ladder: Ladder, here: Situation) -> Iterator[Step]:
    for level in ladder.levels:
        yield Step("relax", level, here.cut.whole, ladder.options)
    answer = _done(here, Step("relax", ladder.top, here.cut.whole, ladder.options))
    if here.random or answer is None:
        return
    if ladder.error_bar:
        yield Step(BAR, ladder.top, here.cut.whole, ladder.options, here.cut.variants)
    trust = here.trusts.get(answer.key)
    promoted = trust is not None and promotes(ladder, trust)
    high = here.asked or (ladder.high if promoted else None)
    if high is None or here.cut.small is None:
        return
    start = Step("relax", ladder.top, here.cut.small, ladder.options)
    yield start
    relaxed = _done(here, start)
    if relaxed is not None and relaxed.structure is not None:
        piece = here.cut.small.model_copy(update={"structure": relaxed.structure})
        yield Step("relax", high, piece, ladder.options)


def _done(here: Situation, step: Step) -> JobRecord | None:
    """Return the finished job of a step, None where there is none yet."""
    record = here.jobs.get(afresh(here.roi, here.jobs, step).key(here.roi))
    return record if record is not None and record.state == "done" else None


def afresh(roi: str, jobs: Mapping[str, JobRecord], step: Step, *, ordered: bool = False) -> Step:
    """Return a step, under a name of its own where earlier jobs for it were cancelled.

    What the operator cancelled stays cancelled, unless it was ordered again.

    Args:
        roi: Key of the ROI.
        jobs: Its jobs by key.
        step: What is to be computed.
        ordered: Whether the operator orders it now.
    """
    while (record := jobs.get(step.key(roi))) is not None and record.state == "cancelled":
        later = replace(step, again=step.again + 1)
        if not (ordered or withdrawn(record) or later.key(roi) in jobs):
            break
        step = later
    return step
