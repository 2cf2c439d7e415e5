"""The board: every ROI of the session, where it stands, and what still has to be told.

Pure: sightings and job records go in, picks and messages come out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.messages import JobState, Roi, RoiState
from sim_dispatcher.ledger import JobRecord
from sim_dispatcher.selection import (
    Pick,
    Refuse,
    Rules,
    Sighting,
    Track,
    Tracker,
    Wait,
    judge,
)

__all__ = ["Board", "Candidate"]

_OF_JOB: Final[dict[JobState, RoiState]] = {
    "reserved": "queued",
    "staged": "queued",
    "queued": "queued",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "cancelled": "failed",
}
_RANK: Final[tuple[RoiState, ...]] = ("running", "queued", "failed", "done")
"""Of several jobs of a ROI, the first of these that occurs is the ROI's state."""

_LOOK_AGAIN_FRAMES: Final = 5
"""Further frames before a defect whose surroundings could not be cut is tried again."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ROI that may be computed now.

    Attributes:
        track: The defect.
        priority: Larger first.
    """

    track: Track
    priority: float


@dataclass(slots=True)
class _Entry:
    track: Track
    state: RoiState = "candidate"
    reason: str | None = None
    priority: float = 0.0
    jobs: dict[str, JobState] = field(default_factory=dict)
    reasons: dict[str, str | None] = field(default_factory=dict)
    not_before: int = 0
    """Frames seen from which a refused cut may be tried again."""


class Board:
    """Keeps the ROIs of a session and their states.

    Args:
        rules: What the operator decided about selection.
        radius_A: Radius of a cut-out, Å.
    """

    def __init__(self, rules: Rules, radius_A: float) -> None:
        self._rules = rules
        self._radius_A = radius_A
        self._tracker = Tracker()
        self._entries: dict[str, _Entry] = {}
        self._changed: dict[str, None] = {}

    def observe(self, seen: Sequence[Sighting]) -> None:
        """Take in the defects of a frame."""
        for track in self._tracker.observe(seen):
            entry = self._entries.setdefault(track.key, _Entry(track))
            entry.track = track
            undecided = entry.state in ("candidate", "refused")
            if undecided and track.seen >= entry.not_before:
                self._judge(entry)
            if track.seen == 1:
                self._mark(track.key)

    def candidates(self, room: int) -> list[Candidate]:
        """Return the ROIs to compute next, best first.

        Args:
            room: How many may be started.
        """
        waiting = [entry for entry in self._entries.values() if entry.state == "candidate"]
        ranked = []
        for entry in waiting:
            verdict = self._judge(entry)
            if isinstance(verdict, Pick):
                ranked.append(Candidate(entry.track, verdict.priority))
        ranked.sort(key=lambda candidate: -candidate.priority)
        return ranked[: max(room, 0)]

    def refuse(self, key: str, reason: str) -> None:
        """Note that a picked ROI cannot be computed; a later frame may show it better."""
        entry = self._entries[key]
        entry.state, entry.reason = "refused", reason[:500]
        entry.not_before = entry.track.seen + _LOOK_AGAIN_FRAMES
        self._mark(key)

    def queue(self, key: str, priority: float) -> None:
        """Note that a ROI's jobs are on their way."""
        entry = self._entries[key]
        entry.state, entry.reason, entry.priority = "queued", None, priority
        self._mark(key)

    def update(self, record: JobRecord) -> None:
        """Take in where a job stands."""
        entry = self._entries.get(record.spec.roi)
        if entry is None:
            return
        entry.jobs[record.key] = record.state
        entry.reasons[record.key] = record.reason
        states = {_OF_JOB[state] for state in entry.jobs.values()}
        before = entry.state
        entry.state = next(state for state in _RANK if state in states)
        entry.reason = _why(entry)
        if entry.state != before:
            self._mark(record.spec.roi)

    @property
    def active(self) -> int:
        """ROIs whose jobs wait or run."""
        return sum(entry.state in ("queued", "running") for entry in self._entries.values())

    @property
    def budget_left(self) -> int:
        """ROIs the session may still compute."""
        return max(self._rules.max_rois - sum(self._picked().values()), 0)

    def mark_all(self) -> None:
        """Have everything told again: the other side may have forgotten it."""
        for key in self._entries:
            self._mark(key)

    def changes(self, now_ns: int) -> Iterable[Roi]:
        """Yield what has changed and was not told yet; each change once.

        Args:
            now_ns: Wall clock for the messages.
        """
        while self._changed:
            key = next(iter(self._changed))
            yield self._message(self._entries[key], now_ns)
            self._changed.pop(key, None)

    def _judge(self, entry: _Entry) -> Pick | Wait | Refuse:
        verdict = judge(entry.track, self._rules, self._picked())
        state: RoiState = "refused" if isinstance(verdict, Refuse) else "candidate"
        reason = f"waits for a free place; {verdict.reason}"
        if not isinstance(verdict, Pick):
            reason = verdict.reason
        if (state, reason) != (entry.state, entry.reason):
            entry.state, entry.reason = state, reason[:500]
            self._mark(entry.track.key)
        return verdict

    def _picked(self) -> Counter[str]:
        states = ("queued", "running", "done", "failed")
        return Counter(e.track.type for e in self._entries.values() if e.state in states)

    def _mark(self, key: str) -> None:
        self._changed[key] = None

    def _message(self, entry: _Entry, now_ns: int) -> Roi:
        last = entry.track.last
        return Roi(
            key=entry.track.key,
            state=entry.state,
            reason=entry.reason,
            defect=last.defect.model_copy(update={"atoms": last.defect.atoms[:32]}),
            frame=last.frame,
            frame_index=last.frame_index,
            seen_frames=entry.track.seen,
            x_A=last.sample_A[0],
            y_A=last.sample_A[1],
            radius_A=self._radius_A,
            priority=entry.priority,
            updated_at_ns=now_ns,
        )


def _why(entry: _Entry) -> str | None:
    """Return the reason of the first job that failed, if any did."""
    for key, state in entry.jobs.items():
        if _OF_JOB[state] == "failed":
            return entry.reasons[key]
    return None
