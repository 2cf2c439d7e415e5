"""The board: every ROI of the session, where it stands, and what still has to be told.

Pure: frames, job records and wishes go in; picks, errands and messages come out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from shared.messages import Disagreement, Level, Roi, Wish
from sim_dispatcher.board.comparison import Comparison
from sim_dispatcher.board.conduct import Conduct
from sim_dispatcher.board.cut import Cut
from sim_dispatcher.board.entry import Entry, Memo
from sim_dispatcher.board.errands import Errand, on_stale, on_wish
from sim_dispatcher.board.ladder import Situation, Step, due
from sim_dispatcher.board.message import roi_message
from sim_dispatcher.board.prospects import absent, forgettable, prospect, told
from sim_dispatcher.board.scenes import Scenes
from sim_dispatcher.board.spending import usage_of
from sim_dispatcher.ledger import JobRecord
from sim_dispatcher.selection import (
    FIRST,
    Limits,
    Pick,
    Point,
    Prospect,
    Refuse,
    Scene,
    Sighting,
    Track,
    Tracker,
    Usage,
    Verdict,
    exhausted,
    judge,
    sightings,
    wants_patch,
)

__all__ = ["Board", "Candidate"]

LOOK_AGAIN_FRAMES: Final = 5
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


class Board:
    """Keeps the ROIs of a session and their states.

    Args:
        conduct: What the operator decided.

    Attributes:
        session: The sitting; None before its first frame.
        paused: Whether nothing new is started.
        scenes: The frames that are kept for cutting.
    """

    def __init__(self, conduct: Conduct) -> None:
        self.session: str | None = None
        self.paused = False
        self.scenes = Scenes(conduct.frames_kept)
        self._conduct = conduct
        self._errands: list[Errand] = []
        self._begin()

    def _begin(self) -> None:
        changed, reshaped = self._conduct.changed_frames, self._conduct.reshaped_frames
        self._tracker = Tracker(changed_frames=changed, reshaped_frames=reshaped)
        self._comparison = Comparison()
        self._entries: dict[str, Entry] = {}
        self._changed: dict[str, None] = {}
        self._unsaved: dict[str, None] = {}
        self._touched: dict[str, None] = {}
        self._number = 0

    # --- what comes in ----------------------------------------------------------------------

    def begin(self, session: str, memos: Iterable[Memo] = ()) -> None:
        """Begin a sitting, or go on with one; what still waits for another one goes last.

        Args:
            session: Its name.
            memos: What is remembered of it.
        """
        known = list(memos)
        self.session = session
        self.scenes.clear()
        for entry in self._picked():
            entry.stale = True
            self._errands += on_stale(entry, self._conduct.ladder, self._conduct.stale_jobs)
        self._begin()
        self._tracker.restore(memo.track for memo in known)
        for memo in known:
            entry = self._enter(memo.track.key)
            entry.wish, entry.cut, entry.base = memo.wish, memo.cut, memo.base
            entry.asked, entry.number = memo.asked, memo.number
            self._number = max(self._number, memo.number)
            if entry.picked:
                self._comparison.computed(memo.track)
                self._follow(entry)
            else:
                self._judge(entry, Usage())
        self._unsaved.clear()

    def observe(self, scene: Scene) -> None:
        """Take in the defects of a frame of the board's session; one that comes again is known."""
        if not self.scenes.add(scene):
            return
        for track in self._tracker.observe(sightings(scene)):
            self._touched[track.key] = None
            if track.key not in self._entries:
                self._enter(track.key)
        self._unsaved |= dict.fromkeys(self._tracker.superseded)
        usage = self.usage
        for entry in self._entries.values():
            if entry.picked:
                self._follow(entry)
            else:
                self._judge(entry, usage)
        self._forget()

    def add(self, track: Track, wish: Wish = "usual") -> None:
        """Take in a place that no sighting leads to: a random patch, an operator's place."""
        self._tracker.add(track)
        entry = self._entries.get(track.key) or self._enter(track.key)
        entry.wish = wish
        if track.origin == "random":
            self._comparison.bare(track.last.shape)
        self._mark(track.key)
        if not entry.picked:
            self._judge(entry, self.usage)

    def measure(self, patch: Sighting) -> None:
        """Take in a random patch as a yardstick alone."""
        self._comparison.bare(patch.shape)

    def update(self, record: JobRecord) -> None:
        """Take in where a job stands."""
        entry = self._entries.get(record.spec.roi)
        if entry is None:
            return
        entry.jobs[record.key] = record
        if entry.picked:
            self._follow(entry)

    def ask(self, key: str, level: Level) -> None:
        """Have the small cut of a picked ROI computed at a level above the ladder's quick ones."""
        self._entries[key].asked = level
        self._mark(key)

    def wish(self, key: str, wish: Wish) -> None:
        """Take in what the operator said of a ROI, and let its jobs follow."""
        entry = self._entries[key]
        entry.wish, entry.not_before = wish, 0
        self._errands += on_wish(entry, self._conduct.ladder)
        if entry.picked:
            entry.priority = entry.base + (FIRST if wish == "first" else 0.0)
            self._follow(entry)
        else:
            entry.state = "candidate"
            self._judge(entry, self.usage)
        self._mark(key)

    def trust(self, key: str, job: str, trust: Disagreement) -> None:
        """Take in what a ROI's job says differently from the level below it."""
        self._entries[key].trusts[job] = trust

    def refuse(self, key: str, reason: str) -> None:
        """Note that a picked ROI cannot be computed; a later frame may show it better."""
        entry = self._entries[key]
        entry.state, entry.reason = "refused", reason[:500]
        entry.not_before = self._tracker[key].seen + LOOK_AGAIN_FRAMES
        self._mark(key)

    def start(self, key: str, cut: Cut, priority: float) -> None:
        """Note that a ROI was cut out and is computed.

        Args:
            key: The ROI.
            cut: What its jobs are about.
            priority: What it was picked with.
        """
        entry = self._entries[key]
        lifted = FIRST if entry.wish == "first" else 0.0
        entry.cut = cut
        entry.base = max(priority - lifted, 0.0)
        entry.priority = entry.base + lifted
        self._comparison.computed(self._tracker[key])
        self._follow(entry)
        self._mark(key)

    # --- what comes out ---------------------------------------------------------------------

    def __contains__(self, key: object) -> bool:
        """Whether a ROI of this name is on the board."""
        return key in self._entries

    def __getitem__(self, key: str) -> Entry:
        """Return a ROI."""
        return self._entries[key]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All ROIs, first seen first."""
        return tuple(self._entries.values())

    def track(self, key: str) -> Track:
        """Return where and what a ROI is."""
        return self._tracker[key]

    def near(self, sample_A: Point, within_A: float) -> str | None:
        """Return the ROI that is at a place of the sample now, None where none is."""
        track = self._tracker.near(sample_A, within_A)
        return None if track is None else track.key

    def candidates(self, room: int) -> list[Candidate]:
        """Return the ROIs to compute next, best first.

        Args:
            room: How many may be started; what the operator wants first needs no room.
        """
        usage, ranked = self.usage, []
        for entry in self._entries.values():
            if entry.state != "candidate" or entry.picked:
                continue
            verdict = self._judge(entry, usage)
            if isinstance(verdict, Pick):
                ranked.append(Candidate(self._tracker[entry.key], verdict.priority))
        ranked.sort(key=lambda candidate: -candidate.priority)
        urgent = sum(candidate.priority >= FIRST for candidate in ranked)
        return ranked[: max(room, urgent)]

    def steps(self) -> Iterator[tuple[Entry, Cut, Step]]:
        """Yield the jobs that picked ROIs lack, as far as pause and budget allow."""
        lacking = exhausted(self.limits, self.usage, rois=False)
        for entry in list(self._picked()):
            cut = entry.cut
            if cut is None:
                continue
            for step in due(self._conduct.ladder, self._situation(entry, cut)):
                first = step.piece == cut.whole and step.recipe == "relax"
                if lacking is None or first or entry.wish == "first":
                    entry.note = None
                    yield entry, cut, step
                else:
                    entry.note = f"{step.recipe} at {step.level} is not started: {lacking}"
                    self._follow(entry)

    def errands(self) -> list[Errand]:
        """Return what has to be said of jobs that wait or run; each is returned once."""
        errands, self._errands = self._errands, []
        return errands

    @property
    def active(self) -> int:
        """ROIs whose first answers wait or run."""
        levels = self._conduct.ladder.levels
        return sum(entry.awaited(levels) for entry in self._picked())

    @property
    def usage(self) -> Usage:
        """What the session has used of its budget."""
        randoms = sum(self._tracker[entry.key].origin == "random" for entry in self._picked())
        return usage_of(self._entries.values(), randoms)

    @property
    def limits(self) -> Limits:
        """What the session may use."""
        return self._conduct.limits

    @property
    def wants_patch(self) -> Literal["roi", "yardstick"] | None:
        """Whether a random patch is to be drawn: to be computed, or to compare with at first."""
        waiting = sum(
            self._tracker[entry.key].origin == "random" and not entry.picked
            for entry in self._entries.values()
        )
        if wants_patch(self._conduct.limits, self.usage, waiting):
            return "roi"
        return None if self._comparison.has_yardstick else "yardstick"

    def unsaved(self, *, touched: bool) -> list[Memo]:
        """Return what has to be remembered of the ROIs that changed; each change once.

        Args:
            touched: Whether those that were merely seen again are asked for, too.
        """
        keys, self._unsaved = self._unsaved, {}
        if touched:
            keys, self._touched = keys | self._touched, {}
        return [self.memo(key) for key in keys if key in self._entries]

    def memo(self, key: str) -> Memo:
        """Return what has to be remembered of a ROI."""
        entry, track = self._entries[key], self._tracker[key]
        session = self.session or track.last.session
        asked = entry.asked
        return Memo(session, track, entry.wish, entry.cut, entry.base, asked, entry.number)

    def mark_all(self) -> None:
        """Have everything told again: the other side may have forgotten it."""
        for key in self._entries:
            self._changed[key] = None

    def changes(self, now_ns: int) -> Iterator[Roi]:
        """Yield what has changed and was not told yet; each change once.

        Args:
            now_ns: Wall clock for the messages.
        """
        while self._changed:
            key = next(iter(self._changed))
            if key in self._entries:
                yield roi_message(
                    self._entries[key], self._tracker[key], self._conduct.radius_A, now_ns
                )
            self._changed.pop(key, None)

    # --- inside -----------------------------------------------------------------------------

    def _picked(self) -> Iterator[Entry]:
        return (entry for entry in self._entries.values() if entry.picked)

    def _enter(self, key: str) -> Entry:
        self._number += 1
        self._entries[key] = entry = Entry(key, number=self._number)
        self._mark(key)
        return entry

    def _mark(self, key: str) -> None:
        self._changed[key] = self._unsaved[key] = None

    def _judge(self, entry: Entry, usage: Usage) -> Verdict:
        """Judge a ROI that is not computed yet, and let state and reason follow."""
        track = self._tracker[entry.key]
        if entry.state == "refused" and track.seen < entry.not_before:
            return Refuse(entry.reason or "")
        conduct, known = self._conduct, self._prospect(entry)
        entry.similarity = known.similarity
        verdict = judge(known, conduct.rules, conduct.limits, usage)
        state, reason = told(verdict)
        priority = verdict.priority if isinstance(verdict, Pick) else 0.0
        if entry.differs(state, reason, priority):
            self._changed[entry.key] = None
            entry.priority = priority
        entry.state, entry.reason = state, reason
        return verdict

    def _prospect(self, entry: Entry) -> Prospect:
        track = self._tracker[entry.key]
        return prospect(entry, track, self.scenes, self._comparison, paused=self.paused)

    def _follow(self, entry: Entry) -> None:
        """Let state and queue of a picked ROI follow from its jobs and its place."""
        track = self._tracker[entry.key]
        away = None
        if self.scenes.newest is not None:
            away = absent(self._prospect(entry), self._conduct.rules)
        gone = (track.successor is not None or away is not None) and entry.wish != "first"
        if gone != entry.stale:
            entry.stale = gone
            self._errands += on_stale(entry, self._conduct.ladder, self._conduct.stale_jobs)
        if entry.settle(track, away):
            self._changed[entry.key] = None

    def _situation(self, entry: Entry, cut: Cut) -> Situation:
        idle = self.paused and entry.wish != "first"
        return Situation(
            roi=entry.key,
            cut=cut,
            jobs=entry.jobs,
            trusts=entry.trusts,
            asked=entry.asked,
            random=self._tracker[entry.key].origin == "random",
            halted=entry.stale or entry.wish == "never" or idle,
        )

    def _forget(self) -> None:
        """Drop random patches that were not taken up, and the oldest of too many ROIs."""
        tracks = {key: self._tracker[key] for key in self._entries}
        gone = forgettable(self._entries.values(), tracks) - self._changed.keys()
        for key in gone:
            del self._entries[key]
        self._tracker.forget(gone)
