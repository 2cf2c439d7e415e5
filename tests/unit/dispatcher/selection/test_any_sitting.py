"""Whatever happens in a sitting: every refusal has a reason, nothing is asked for twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim_dispatcher.board import Board, Conduct, Cut, Memo, Piece
from sim_dispatcher.dispatch.specification import specify
from sim_dispatcher.ledger import FINAL, JobRecord
from sim_dispatcher.selection import Limits, Rules, Scene

PLACES = ((18.0, 18.0), (10.0, 26.0))
SHOWN = ("Si", "N", "C")
CONDUCT = Conduct(
    rules=Rules(stale_frames=2), limits=Limits(rois=3, jobs=12), radius_A=5.2, stale_jobs="cancel"
)
CUT = Cut(
    whole=Piece(structure="1\n\nC 0 0 0\n", n_heavy=1), frame="1" * 64, frame_index=0,
    model="f" * 64,
)  # fmt: skip

frames = st.tuples(st.just("frame"), st.sampled_from(SHOWN), st.sampled_from(SHOWN))
jobs = st.tuples(st.just("jobs"), st.sampled_from(["queued", "running", "done", "failed"]))
wishes = st.tuples(st.just("wish"), st.integers(0, 9), st.sampled_from(["first", "usual", "never"]))
others = st.tuples(st.sampled_from(["pick", "kill", "pause", "resume"]))
sittings = st.lists(st.one_of(frames, frames, jobs, wishes, others), max_size=25)


@pytest.fixture(scope="module")
def seen() -> dict[tuple[str, str], Scene]:
    """Every frame that can be shown, read once."""
    return {}


class Sitting:
    """A board that may be killed at any time, and the ledger that is not."""

    def __init__(self, scenes: Callable[[str, str], Scene], finished: Any) -> None:
        self._scenes, self._finished = scenes, finished
        self.board, self.index = Board(CONDUCT), 0
        self.board.begin("sitting")
        self.memos: dict[str, Memo] = {}
        self.ledger: dict[str, JobRecord] = {}
        self.wanted: set[str] = set()

    def frame(self, first: str, second: str) -> None:
        shown = self._scenes(first, second)
        self.index += 1
        header = shown.header.model_copy(
            update={"frame": f"{self.index:064x}", "frame_index": self.index}
        )
        scene = dataclasses.replace(shown, header=header)
        for derived in ("view", "colouring"):
            scene.__dict__[derived] = getattr(shown, derived)
        self.board.observe(scene)

    def pick(self) -> None:
        for best in self.board.candidates(1)[:1]:
            self.board.start(best.track.key, CUT, best.priority)

    def jobs(self, state: str) -> None:
        for entry, cut, step in list(self.board.steps()):
            spec = specify(entry.key, cut, step, 0.0, 1)
            assert spec.key not in self.ledger, "asked for twice"
            self.ledger[spec.key] = self._finished(spec, "queued")
            self.board.update(self.ledger[spec.key])
        for key, record in self.ledger.items():
            if record.state not in FINAL:
                self.ledger[key] = self._finished(record.spec, state, reason="so it is")
                self.board.update(self.ledger[key])

    def wish(self, number: int, wish: Any) -> None:
        entries = self.board.entries
        if entries:
            key = entries[number % len(entries)].key
            self.board.wish(key, wish)
            self.wanted |= {key} if wish == "first" else set()

    def kill(self) -> None:
        self.board = Board(CONDUCT)
        self.board.begin("sitting", self.memos.values())
        for record in self.ledger.values():
            self.board.update(record)

    def pause(self) -> None:
        self.board.paused = True

    def resume(self) -> None:
        self.board.paused = False

    def settle(self) -> None:
        """What the dispatcher does after everything: errands to the ledger, memos to the disk."""
        for errand in self.board.errands():
            record = self.ledger[errand.job]
            reason = getattr(errand, "reason", None)
            if reason is not None and record.state not in FINAL:
                self.ledger[errand.job] = self._finished(record.spec, "cancelled", reason=reason)
                self.board.update(self.ledger[errand.job])
        self.memos |= {memo.track.key: memo for memo in self.board.unsaved(touched=True)}

    def check(self) -> None:
        for entry in self.board.entries:
            assert entry.reason or entry.state in ("queued", "running", "done"), entry
            assert len(entry.reason or "") <= 500
            track = self.board.track(entry.key)
            assert (
                track.successor is None
                or entry.state not in ("queued", "refused")
                or (entry.wish != "usual")
            )
            assert track.previous is None or track.previous in self.board
        told = list(self.board.changes(1))
        assert len({roi.key for roi in told}) == len(told)
        usual = [e for e in self.board.entries if e.picked and e.key not in self.wanted]
        assert len(usual) <= CONDUCT.limits.rois


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(sittings)
def test_in_any_sitting_every_refusal_has_a_reason_and_nothing_is_asked_for_twice(
    sample: Callable[..., Any],
    finished: Callable[..., JobRecord],
    seen: dict[tuple[str, str], Scene],
    events: list[tuple[Any, ...]],
) -> None:
    def scenes(first: str, second: str) -> Scene:
        if (first, second) not in seen:
            sites = dict(zip(PLACES, (first, second), strict=True))
            seen[first, second] = sample(sites).scene(0)
        return seen[first, second]

    sitting = Sitting(scenes, finished)
    for name, *details in events:
        getattr(sitting, name)(*details)
        sitting.settle()
        sitting.check()
    keys = {entry.key for entry in sitting.board.entries}
    sitting.kill()
    assert {entry.key for entry in sitting.board.entries} == keys
