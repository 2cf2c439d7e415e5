"""One ROI on the board: what is known, wished and computed of it, and the state that follows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.messages import Disagreement, JobState, Level, RoiState, Wish
from sim_dispatcher.board.cut import Cut
from sim_dispatcher.board.ladder import BAR, withdrawn
from sim_dispatcher.ledger import FINAL, JobRecord
from sim_dispatcher.selection import Track

__all__ = ["Entry", "Memo"]

OF_JOB: Final[dict[JobState, RoiState]] = {
    "reserved": "queued",
    "staged": "queued",
    "queued": "queued",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "cancelled": "failed",
}
NEWS: Final = 0.1
"""Share by which a priority must change before the operator is told."""

_FIGURE: Final = re.compile(r"[0-9][0-9.e+-]*")

RANK: Final[tuple[RoiState, ...]] = ("running", "queued", "failed", "done")
"""Of several jobs of a ROI, the first of these that occurs is the ROI's state."""


@dataclass(frozen=True, slots=True)
class Memo:
    """What has to survive the dispatcher, of one ROI.

    Attributes:
        session: The sitting it belongs to.
        track: Where and what it is.
        wish: What the operator said of it.
        cut: What was cut out for it; None where it was not picked.
        base: Its priority when it was picked.
        asked: Level above the quick ones that the operator asked for.
        number: Its place in the order of first sightings.
    """

    session: str
    track: Track
    wish: Wish = "usual"
    cut: Cut | None = None
    base: float = 0.0
    asked: Level | None = None
    number: int = 0


@dataclass(slots=True)
class Entry:
    """A ROI.

    Attributes:
        key: Its name.
        state: As told.
        reason: As told.
        priority: As told.
        wish: What the operator said of it.
        cut: What was cut out for it; None where it was not picked.
        base: Its priority when it was picked, without the wish.
        similarity: Likeness to what was computed before.
        jobs: Its jobs by key.
        trusts: What a job says differently from the level below it, by the job's key.
        asked: Level above the quick ones that the operator asked for.
        not_before: Frames seen from which a refused cut may be tried again.
        note: What a ROI that is done still lacks, in words.
        stale: Whether its jobs were demoted or withdrawn for being stale.
        number: Its place in the order of first sightings.
    """

    key: str
    state: RoiState = "candidate"
    reason: str | None = None
    priority: float = 0.0
    wish: Wish = "usual"
    cut: Cut | None = None
    base: float = 0.0
    similarity: float | None = None
    jobs: dict[str, JobRecord] = field(default_factory=dict)
    trusts: dict[str, Disagreement] = field(default_factory=dict)
    asked: Level | None = None
    not_before: int = 0
    note: str | None = None
    stale: bool = False
    number: int = 0

    @property
    def picked(self) -> bool:
        """Whether it is computed, or was."""
        return self.cut is not None

    @property
    def open_jobs(self) -> list[JobRecord]:
        """Its jobs that have not ended."""
        return [record for record in self.jobs.values() if record.state not in FINAL]

    @property
    def answering(self) -> list[JobRecord]:
        """Its jobs that answer a question: no error bars, and none that was withdrawn."""
        return [
            record
            for record in self.jobs.values()
            if record.spec.recipe != BAR and not withdrawn(record)
        ]

    def awaited(self, levels: Sequence[Level]) -> bool:
        """Tell whether a first answer of a picked ROI is still to come, and wanted.

        Args:
            levels: The ladder's quick levels.
        """
        if self.stale or self.wish == "never":
            return False
        first = [
            record
            for record in self.answering
            if record.spec.recipe == "relax" and record.spec.level in levels
        ]
        return not first or any(record.state not in FINAL for record in first)

    def differs(self, state: RoiState, reason: str, priority: float) -> bool:
        """Tell whether a verdict is news for the operator.

        Figures in the reason move a little with every frame; that alone is none.
        """
        moved = abs(priority - self.priority) > NEWS * max(priority, self.priority)
        same = state == self.state and _FIGURE.sub("", reason) == _FIGURE.sub("", self.reason or "")
        return moved or not same

    def below(self, upper: JobRecord, levels: Sequence[Level]) -> JobRecord | None:
        """Return the finished relaxation one level below another one, on the same atoms.

        Args:
            upper: A finished relaxation.
            levels: The ladder's quick levels, lowest first; any other level stands above them.
        """
        rank = levels.index(upper.spec.level) if upper.spec.level in levels else len(levels)
        if upper.spec.recipe != "relax" or rank == 0:
            return None
        wanted, start = levels[rank - 1], upper.spec.structure
        for record in self.jobs.values():
            spec = record.spec
            if record.state != "done" or (spec.recipe, spec.level) != ("relax", wanted):
                continue
            if start in (spec.structure, record.structure):
                return record
        return None

    def bar(self, answer: JobRecord) -> JobRecord | None:
        """Return the finished job that brings an answer's error bar."""
        if answer.spec.recipe != "relax":
            return None
        for record in self.jobs.values():
            same = record.spec.level == answer.spec.level
            about = record.spec.structure == answer.spec.structure
            if record.spec.recipe == BAR and record.state == "done" and same and about:
                return record
        return None

    def barred(self, bar: JobRecord) -> bool:
        """Tell whether an error bar belongs to another job's answer; else it is one itself."""
        return any(
            record.spec.recipe == "relax"
            and record.spec.level == bar.spec.level
            and record.spec.structure == bar.spec.structure
            for record in self.jobs.values()
        )

    def settle(self, track: Track, absent: str | None) -> bool:
        """Let the state of a picked ROI follow from its jobs.

        Args:
            track: Where and what it is.
            absent: Why it counts as not there any more; None where it is.

        Returns:
            Whether state or reason changed.
        """
        before = (self.state, self.reason)
        states = {OF_JOB[record.state] for record in self._telling()} or {"queued"}
        self.state = next(state for state in RANK if state in states)
        self.reason = self._why()
        if self.state != "running":
            self._overrule(track, absent)
        return before != (self.state, self.reason)

    def _telling(self) -> list[JobRecord]:
        """Return the jobs that the state follows from.

        What was answered stands, whatever becomes of other jobs: the failure or the end of a job
        that is no relaxation, or that somebody cancelled, counts where there is nothing else.
        """
        firm = [
            record
            for record in self.answering
            if record.state not in ("failed", "cancelled")
            or (record.state == "failed" and record.spec.recipe == "relax")
        ]
        return firm or self.answering

    def _overrule(self, track: Track, absent: str | None) -> None:
        """Let the operator's word, and what became of the place, stand above the jobs."""
        answered = any(record.state == "done" for record in self.answering)
        if self.wish == "never" and not answered:
            self.state = "refused"
            self.reason = "dismissed by the operator; release it to have it judged again."
        elif track.successor is not None:
            kept = " Its answers stand." if answered else ""
            self.state, self.reason = "stale", f"the beam changed it into {track.successor}.{kept}"
        elif absent is not None and self.state == "queued":
            self.state, self.reason = "stale", absent

    def _why(self) -> str | None:
        """Return why the ROI failed; of one that did not, what failed beside its answers."""
        failed = [record for record in self.jobs.values() if OF_JOB[record.state] == "failed"]
        told = [record for record in failed if not withdrawn(record)]
        if self.state == "failed" and told:
            own = [record for record in told if record in self._telling()]
            return _words(own[0] if own else told[0])
        if self.state != "done":
            return None
        beside = [record for record in told if record.state == "failed"]
        if not beside:
            return self.note
        spec = beside[-1].spec
        return f"{spec.recipe} at {spec.level} failed: {_words(beside[-1])}"[:500]


def _words(record: JobRecord) -> str | None:
    """Return why a job failed and what to do."""
    return " ".join(part for part in (record.reason, record.remedy) if part)[:500] or None
