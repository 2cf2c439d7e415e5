"""The live session: bounded, monotonic, and careful about what belongs to which sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_service.session import Session
from inference_service.settings import SessionSettings
from shared.errors import UncalibratedError
from shared.messages import DispatcherStatus, EdgeStatus


def edge(offered: int = 1) -> EdgeStatus:
    return EdgeStatus(
        source="scope",
        state="acquiring",
        offered=offered,
        accepted=offered,
        skipped=0,
        unacknowledged=0,
    )


@pytest.fixture
def session(clock) -> Session:
    return Session(SessionSettings(ring_frames=3), clock)


def feed(session: Session, make, index: int, name: str = "sitting-1") -> str:
    frame = make.frame(index, session=name)
    session.add_frame(frame, make.pixels(index))
    return frame.name


def analyse(session: Session, make, index: int, name: str = "sitting-1") -> None:
    frame = make.frame(index, session=name)
    session.add_atoms(make.atoms(frame), make.table(), make.defects())


def test_the_ring_keeps_the_newest_frames_only(session, make) -> None:
    names = [feed(session, make, index) for index in range(5)]
    assert [record.frame.name for record in session.frames()] == names[:1:-1]
    assert session.frame(names[0]) is None
    assert session.frames_total == 5


def test_the_ring_honours_its_bytes_but_keeps_the_newest_frame(clock, make) -> None:
    frame_bytes = make.pixels().nbytes
    session = Session(SessionSettings(ring_bytes=2 * frame_bytes), clock)
    for index in range(4):
        feed(session, make, index)
    assert len(session.frames()) == 2
    session = Session(SessionSettings(ring_bytes=1), clock)
    feed(session, make, 0)
    analyse(session, make, 0)
    assert len(session.frames()) == 1


def test_pixels_are_kept_without_a_copy_and_cannot_be_changed(session, make) -> None:
    pixels = make.pixels()
    session.add_frame(make.frame(), pixels)
    kept = session.latest.pixels
    assert np.shares_memory(kept, pixels)
    with pytest.raises(ValueError, match="read-only"):
        kept[0, 0] = 1


def test_latest_is_the_newest_frame_with_atoms(session, make) -> None:
    assert session.frame("latest") is None
    first = feed(session, make, 0)
    second = feed(session, make, 1)
    assert session.frame("latest") is None
    analyse(session, make, 0)
    assert session.frame("latest").frame.name == first
    analyse(session, make, 1)
    assert session.frame("latest").frame.name == second


def test_atoms_that_arrive_out_of_order_do_not_turn_the_picture_back(session, make) -> None:
    feed(session, make, 0)
    newest = feed(session, make, 1)
    analyse(session, make, 1)
    analyse(session, make, 0)
    assert session.latest_analysed.frame.name == newest
    assert session.analysed_total == 2


def test_a_frame_of_a_new_sitting_is_newer_than_any_of_the_last(session, make, clock) -> None:
    feed(session, make, 9)
    analyse(session, make, 9)
    clock.now_s += 1
    name = feed(session, make, 0, "sitting-2")
    analyse(session, make, 0, "sitting-2")
    assert session.latest_analysed.frame.name == name
    assert session.name == "sitting-2"


def test_the_same_frame_twice_is_one_frame(session, make) -> None:
    feed(session, make, 0)
    analyse(session, make, 0)
    revision = session.revision
    feed(session, make, 0)
    assert session.revision == revision
    assert session.latest.analysis is not None


def test_atoms_of_a_forgotten_frame_are_let_go(session, make) -> None:
    analyse(session, make, 0)
    assert session.analysed_total == 0
    assert session.revision == 0


def test_a_header_that_disagrees_with_its_payload_is_refused(session, make) -> None:
    with pytest.raises(ValueError, match="pixels"):
        session.add_frame(make.frame(), np.zeros((2, 2), np.uint16))
    feed(session, make, 0)
    with pytest.raises(ValueError, match="atoms"):
        session.add_atoms(make.atoms(make.frame(), n_atoms=2), make.table(), ())


def test_a_detectors_refusal_stays_with_its_frame_until_atoms_come(session, make) -> None:
    name = feed(session, make, 0)
    error = UncalibratedError("no lattice", remedy="give --pixel-size")
    session.add_failure(name, error)
    failure = session.frame(name).failure
    assert (failure.code, failure.remedy) == ("uncalibrated", "give --pixel-size")
    analyse(session, make, 0)
    assert session.frame(name).failure is None
    assert session.failed_total == 1


def test_a_roi_remembers_the_sitting_of_its_frame_after_the_frame_is_gone(session, make) -> None:
    for index in range(5):
        feed(session, make, index)
    feed(session, make, 0, "sitting-2")
    session.apply(make.roi())
    session.apply(make.roi("roi-2", frame="f" * 64))
    assert session.roi("roi-1").session == "sitting-1"
    assert session.roi("roi-2").session is None


def test_the_last_word_on_an_entry_wins_and_moves_it_to_the_front(session, make) -> None:
    session.apply(make.roi("roi-1", "queued"))
    session.apply(make.roi("roi-2", "queued"))
    session.apply(make.roi("roi-1", "done"))
    assert [(r.roi.key, r.roi.state) for r in session.rois()] == [
        ("roi-1", "done"),
        ("roi-2", "queued"),
    ]


def test_answers_of_different_jobs_stand_side_by_side(session, make) -> None:
    session.add_answer(make.answer("job-1", level="gfnff"), "low")
    session.add_answer(make.answer("job-2", level="gfn1"), "high")
    session.add_answer(make.answer("job-3", roi="roi-2"), "other")
    assert [record.structure for record in session.answers("roi-1")] == ["high", "low"]
    assert session.answer("job-3").structure == "other"


def test_every_table_has_a_bound(clock, make) -> None:
    limits = SessionSettings(max_rois=2, max_jobs=2, max_answers=2)
    session = Session(limits, clock)
    for index in range(5):
        session.apply(make.roi(f"roi-{index}"))
        session.apply(make.job(f"job-{index}"))
        session.add_answer(make.answer(f"job-{index}"), "")
    assert [record.roi.key for record in session.rois()] == ["roi-4", "roi-3"]
    assert [job.key for job in session.jobs()] == ["job-4", "job-3"]
    assert len(session.answers()) == 2


def test_a_peer_that_speaks_is_connected_and_one_that_leaves_keeps_its_last_word(session) -> None:
    assert not session.peer("edge").connected
    session.apply(edge(7))
    session.apply(DispatcherStatus(state="ready", levels=("gfn1",)))
    session.set_connected("edge", connected=False)
    assert not session.peer("edge").connected
    assert session.peer("edge").status.offered == 7
    assert session.peer("dispatcher").connected


def test_the_usual_interval_is_a_median_that_one_pause_does_not_move(session, make, clock) -> None:
    assert session.usual_interval_s is None
    for index, step in enumerate((0.5, 0.5, 0.5, 30.0, 0.5, 0.5)):
        clock.now_s += step
        feed(session, make, index)
    assert session.usual_interval_s == pytest.approx(0.5)


def test_once_frames_are_analysed_the_usual_interval_is_that_of_the_analyses(
    session, make, clock
) -> None:
    for index in range(5):
        feed(session, make, index)
        clock.now_s += 2
        analyse(session, make, index)
    assert session.usual_interval_s == pytest.approx(2)


ACTIONS = {
    "frame": feed,
    "atoms": lambda session, make, index: analyse(session, make, max(0, index - 1)),
    "failure": lambda session, make, index: session.add_failure(
        make.name(max(0, index - 1)), UncalibratedError("no", remedy="yes")
    ),
    "roi": lambda session, make, _: session.apply(make.roi()),
    "job": lambda session, make, _: session.apply(make.job()),
    "answer": lambda session, make, _: session.add_answer(make.answer(), ""),
    "edge": lambda session, *_: session.apply(edge()),
    "left": lambda session, *_: session.set_connected("edge", connected=False),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(kinds=st.lists(st.sampled_from(sorted(ACTIONS)), max_size=40))
def test_revisions_grow_with_every_change_and_every_change_is_announced(make, kinds) -> None:
    session = Session(SessionSettings(ring_frames=3))
    heard = []
    end = session.subscribe(heard.append)
    for index, kind in enumerate(kinds):
        before = session.revision
        ACTIONS[kind](session, make, index)
        assert session.revision in {before, before + 1}
        assert len(heard) == session.revision
        assert len(session.frames()) <= 3
    assert [change.revision for change in heard] == list(range(1, len(heard) + 1))
    end()
    session.apply(edge())
    assert len(heard) == session.revision - 1
