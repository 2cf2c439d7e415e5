"""Tracking: one physical defect is one track, whatever drift, flicker and beam do to it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messages import Defect, DefectType
from sim_dispatcher.selection import Shape, Sighting, Track, Tracker, View
from sim_dispatcher.selection.tracker import CHANGED_FRAMES, RESHAPED_FRAMES

Place = tuple[float, float]


def seen(
    kind: DefectType = "Si_C3",
    at_A: Place = (10.0, 20.0),
    index: int = 0,
    shape: str | None = "a" * 16,
) -> Sighting:
    return Sighting(
        defect=Defect(type=kind, x_px=at_A[0] * 10, y_px=at_A[1] * 10, p=0.95),
        frame=f"{index:064x}",
        frame_index=index,
        session="s",
        model="f" * 64,
        local_A=at_A,
        sample_A=at_A,
        view=View(0.1, 90.0),
        shape=None if shape is None else Shape(shape, ((1, 1),)),
    )


def follow(*frames: Sighting) -> list[Track]:
    """The track that each sighting belongs to."""
    tracker = Tracker()
    return [tracker.observe([one])[0] for one in frames]


def test_a_defect_keeps_its_key_and_gains_a_history() -> None:
    first, second = follow(seen(), seen(at_A=(10.4, 19.8), index=1))
    assert second.key == first.key
    assert (first.seen, second.seen) == (1, 2)


def test_a_defect_that_flickers_is_one_track() -> None:
    tracker, keys = Tracker(), set()
    for index in range(0, 20, 2):
        keys.add(tracker.observe([seen(index=index)])[0].key)
        tracker.observe([])
    assert len(keys) == 1


def test_defects_farther_apart_than_a_lattice_site_are_two() -> None:
    first, second = follow(seen(), seen(at_A=(12.46, 20.0), index=1))
    assert first.key != second.key


def test_two_neighbours_are_never_merged_into_one_track() -> None:
    tracker = Tracker()
    pair = [seen(), seen(at_A=(11.5, 20.0))]
    before = tracker.observe(pair)
    after = tracker.observe(pair[::-1])
    assert [track.key for track in after] == [track.key for track in before[::-1]]


@given(st.permutations(range(6)))
def test_the_order_of_defects_in_a_frame_does_not_matter(order: list[int]) -> None:
    spread = [seen(at_A=(5.0 * i, 3.0 * i)) for i in range(6)]
    tracker = Tracker()
    before = tracker.observe(spread)
    after = tracker.observe([spread[i] for i in order])
    assert [track.key for track in after] == [before[i].key for i in order]


def test_one_misread_frame_changes_nothing() -> None:
    tracks = follow(seen(), seen("Si_C4", index=1), seen(index=2), seen("Si_C4", index=3))
    assert {track.key for track in tracks} == {tracks[0].key}
    assert tracks[-1].type == "Si_C3"


@pytest.mark.parametrize(
    ("other", "frames"),
    [
        (seen("Si_C4", index=9), CHANGED_FRAMES),
        (seen(index=9, shape="b" * 16), RESHAPED_FRAMES),
    ],
)
def test_what_is_stably_something_else_is_a_new_track_linked_to_the_old(
    other: Sighting, frames: int
) -> None:
    tracker = Tracker()
    for _ in range(5):
        (old,) = tracker.observe([seen()])
    for _ in range(frames - 1):
        assert tracker.observe([other])[0] == old
    (new,) = tracker.observe([other])
    assert new.key != old.key
    assert (new.previous, new.seen) == (old.key, frames)
    assert tracker[old.key].successor == new.key
    assert tracker.superseded == [old.key]


def test_two_different_misreadings_running_change_nothing() -> None:
    tracks = follow(seen(), seen("Si_C4", index=1), seen("sub_N", index=2), seen("Si_C4", index=3))
    assert {track.key for track in tracks} == {tracks[0].key}


def test_a_shape_misread_at_first_gives_way_without_a_new_track() -> None:
    tracker = Tracker()
    (first,) = tracker.observe([seen(shape="b" * 16)])
    for index in range(1, RESHAPED_FRAMES + 1):
        (last,) = tracker.observe([seen(index=index)])
    assert last.key == first.key
    assert last.last.shape == seen().shape
    assert len(tracker.tracks) == 1


def test_a_former_state_that_returns_goes_on_under_its_own_key() -> None:
    three, four = seen(), seen("Si_C4")
    tracker = Tracker()
    for one in (three, four, four, three):
        tracker.observe([one])
    (back,) = tracker.observe([three])
    first, second = tracker.tracks
    assert back.key == first.key
    assert (back.seen, back.successor, back.previous) == (3, None, None)
    assert second.successor == first.key
    assert len(tracker.tracks) == 2


def test_a_shape_that_cannot_be_read_for_once_neither_changes_nor_is_forgotten() -> None:
    first, second = follow(seen(), seen(index=1, shape=None))
    assert second.key == first.key
    assert second.last.shape == first.last.shape


def test_a_frame_that_arrives_late_counts_but_moves_nothing() -> None:
    tracker = Tracker()
    tracker.observe([seen(index=7)])
    (late,) = tracker.observe([seen(at_A=(10.5, 20.5), index=3)])
    assert (late.seen, late.last.frame_index) == (2, 7)
    for _ in range(3):
        (same,) = tracker.observe([seen("Si_C4", index=4)])
    assert same.type == "Si_C3"


def test_a_restored_tracker_goes_on_as_if_nothing_had_happened() -> None:
    before = Tracker()
    for one in (seen(), seen("Si_C4", index=1), seen("Si_C4", index=2)):
        before.observe([one, seen(at_A=(30.0, 30.0), index=one.frame_index)])
    after = Tracker()
    after.restore(before.tracks)
    for tracker in (before, after):
        tracker.observe([seen(index=3)])
    assert before.observe([seen(index=4)]) == after.observe([seen(index=4)])
    assert set(before.tracks) == set(after.tracks)


def test_a_forgotten_track_is_met_anew() -> None:
    tracker = Tracker()
    (old,) = tracker.observe([seen()])
    tracker.forget([old.key])
    assert old.key not in tracker
    (new,) = tracker.observe([seen(index=1)])
    assert new.seen == 1


def test_a_borderline_probability_is_averaged_over_a_few_frames() -> None:
    tracker = Tracker()
    for index, p in enumerate((0.9, 0.7, 0.9, 0.7, 0.9, 0.7)):
        (track,) = tracker.observe([replace(seen(index=index), defect=defect(p))])
    assert track.last.defect.p == 0.7
    assert track.p == pytest.approx(0.79, abs=0.02)


def defect(p: float) -> Defect:
    return Defect(type="Si_C3", x_px=100, y_px=200, p=p)
