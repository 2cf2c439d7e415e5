"""The memory: what was written is found again as it was, by whoever starts next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.messages import OrderOutcome
from sim_dispatcher.board import Board, Conduct, memory
from sim_dispatcher.dispatch.cutting import cut_out
from sim_dispatcher.selection import FIRST


def a_board(sample: Callable[..., Any], conduct: Conduct) -> Board:
    board, sheet = Board(conduct), sample({(18.0, 18.0): "Si", (10.0, 26.0): "N"})
    board.begin(sheet.session)
    for index in range(2):
        board.observe(sheet.scene(index))
    best = board.candidates(1)[0].track
    board.wish(best.key, "first")
    scene = board.scenes.get(best.last.frame)
    board.start(best.key, cut_out(best, scene, conduct), FIRST + 0.5)
    return board


def test_a_board_comes_back_as_it_was(site: Any, sample: Callable[..., Any]) -> None:
    before = a_board(sample, site.conduct)
    memos = before.unsaved(touched=True)
    site.memory.save(memos)
    site.memory.save_sitting("sitting", (), paused=True)
    known = site.memory.latest()
    assert (known.session, known.paused) == ("sitting", True)
    assert sorted(known.memos, key=lambda memo: memo.number) == list(known.memos)
    assert {memo.track.key: memo for memo in known.memos} == {m.track.key: m for m in memos}
    after = Board(site.conduct)
    after.begin(known.session, known.memos)
    assert [entry.key for entry in after.entries] == [entry.key for entry in before.entries]
    assert [(e.wish, e.cut, e.base) for e in after.entries] == [
        (e.wish, e.cut, e.base) for e in before.entries
    ]
    assert after.unsaved(touched=True) == []
    assert {step.key(entry.key) for entry, _, step in after.steps()} == {
        step.key(entry.key) for entry, _, step in before.steps()
    }


def test_a_cut_is_written_once_and_outlives_every_later_write(
    site: Any, sample: Callable[..., Any]
) -> None:
    board = a_board(sample, site.conduct)
    site.memory.save(board.unsaved(touched=True))
    (picked,) = (entry.key for entry in board.entries if entry.picked)
    before = site.memory._rois.find_one({"_id": picked})["cut"]
    site.memory._rois.update_one({"_id": picked}, {"$set": {"cut": before + " "}})
    site.memory.save([board.memo(picked)])
    assert site.memory._rois.find_one({"_id": picked})["cut"] == before + " "
    (memo,) = (m for m in site.memory.recall("sitting").memos if m.track.key == picked)
    assert memo.cut == board[picked].cut


def test_the_sitting_that_was_written_last_is_the_latest(site: Any) -> None:
    assert site.memory.latest() is None
    outcome = OrderOutcome(id="o1", accepted=True, message="done", at_ns=1)
    site.memory.save_sitting("one", (outcome,), paused=False)
    site.memory.save_sitting("two", (), paused=False)
    assert site.memory.latest().session == "two"
    assert site.memory.recall("one").outcomes == (outcome,)
    assert site.memory.recall("never seen").memos == ()


def test_only_the_latest_sittings_are_kept(
    site: Any, sample: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "SITTINGS_KEPT", 2)
    site.memory.save(a_board(sample, site.conduct).unsaved(touched=True))
    for session in ("sitting", "two", "three"):
        site.memory.save_sitting(session, (), paused=True)
    site.memory.prepare()
    assert site.memory.latest().session == "three"
    assert site.memory.recall("two").paused
    assert site.memory.recall("sitting") == memory.Remembered("sitting")


def test_what_another_version_wrote_is_left_out(site: Any, sample: Callable[..., Any]) -> None:
    memos = a_board(sample, site.conduct).unsaved(touched=True)
    site.memory.save(memos)
    site.memory._rois.update_one({"_id": memos[0].track.key}, {"$set": {"memo": "{}"}})
    assert len(site.memory.recall("sitting").memos) == len(memos) - 1
