"""The board: where every ROI stands, and what the operator has yet to be told."""

from __future__ import annotations

from shared.messages import Atoms, Defect, JobState, Level, OutOfDistribution, Roi
from sim_dispatcher.board import Board
from sim_dispatcher.ledger import JobRecord, JobSpec
from sim_dispatcher.selection import Rules, Sighting, sightings


def seen(index: int, *p: float) -> list[Sighting]:
    atoms = Atoms(
        session="s",
        frame=f"{index:064x}",
        frame_index=index,
        shape=(896, 896),
        model="f" * 64,
        members=20,
        n_atoms=0,
        pixel_size_A=0.1,
        pixel_size_source="fft",
        header_pixel_size_A=0.1,
        dose_e_A2=None,
        contamination=0,
        ood=OutOfDistribution(score=0, flag=False),
    )
    defects = [
        Defect(type="Si_C3", x_px=100 * (i + 1), y_px=50, p=value) for i, value in enumerate(p)
    ]
    return sightings(atoms, defects)


def record(roi: str, level: Level, state: JobState, reason: str | None = None) -> JobRecord:
    spec = JobSpec(
        key=f"{roi}-{level}",
        roi=roi,
        recipe="relax",
        level=level,
        structure="1\n\nC 0 0 0\n",
        frame="0" * 64,
        model="f" * 64,
        created_at_ns=0,
    )
    return JobRecord(key=spec.key, spec=spec, state=state, reason=reason, updated_at_ns=1)


def board(max_rois: int = 10) -> Board:
    return Board(Rules(max_rois=max_rois), 8.99)


def told(board: Board) -> list[Roi]:
    return list(board.changes(7))


def test_the_best_candidates_come_first_and_no_more_than_there_is_room_for() -> None:
    here = board()
    here.observe(seen(0, 0.85, 0.99, 0.9))
    picked = here.candidates(2)
    assert [candidate.track.last.defect.p for candidate in picked] == [0.99, 0.9]
    assert here.candidates(0) == []


def test_every_change_is_told_once() -> None:
    here = board()
    here.observe(seen(0, 0.9))
    (first,) = told(here)
    assert (first.state, first.updated_at_ns) == ("candidate", 7)
    assert told(here) == []
    here.queue(first.key, 0.9)
    assert [roi.state for roi in told(here)] == ["queued"]


def test_a_change_that_could_not_be_sent_is_told_later() -> None:
    here = board()
    here.observe(seen(0, 0.9, 0.95))
    next(iter(here.changes(0)))
    assert len(told(here)) == 2


def test_a_roi_follows_its_jobs_to_the_end() -> None:
    here = board()
    here.observe(seen(0, 0.9))
    key = here.candidates(1)[0].track.key
    here.queue(key, 0.9)
    states: list[str] = []
    for quick, slow in (
        ("queued", "queued"),
        ("running", "queued"),
        ("done", "queued"),
        ("done", "running"),
        ("done", "done"),
    ):
        here.update(record(key, "gfnff", quick))  # type: ignore[arg-type] # literals
        here.update(record(key, "gfn1", slow))  # type: ignore[arg-type] # literals
        states.append(told(here)[-1].state if here._changed else states[-1])
    assert states == ["queued", "running", "queued", "running", "done"]
    assert here.active == 0


def test_a_failed_job_gives_the_roi_its_reason() -> None:
    here = board()
    here.observe(seen(0, 0.9))
    key = here.candidates(1)[0].track.key
    here.queue(key, 0.9)
    here.update(record(key, "gfnff", "done"))
    here.update(record(key, "gfn1", "failed", "SCF did not converge"))
    last = told(here)[-1]
    assert (last.state, last.reason) == ("failed", "SCF did not converge")


def test_a_roi_that_cannot_be_cut_is_refused_with_the_reason_and_tried_again_later() -> None:
    here = board()
    here.observe(seen(0, 0.9))
    key = here.candidates(1)[0].track.key
    here.refuse(key, "too close to the frame's edge")
    assert told(here)[-1].reason == "too close to the frame's edge"
    here.observe(seen(1, 0.9))
    assert here.candidates(1) == []
    for index in range(2, 8):
        here.observe(seen(index, 0.9))
    assert len(here.candidates(1)) == 1


def test_the_budget_counts_what_was_picked() -> None:
    here = board(max_rois=1)
    here.observe(seen(0, 0.9, 0.95))
    assert here.budget_left == 1
    here.queue(here.candidates(1)[0].track.key, 0.95)
    assert here.budget_left == 0
    assert here.candidates(1) == []


def test_a_forgetful_service_is_told_everything_again() -> None:
    here = board()
    here.observe(seen(0, 0.9, 0.95))
    told(here)
    here.mark_all()
    assert len(told(here)) == 2


def test_a_record_of_another_session_is_ignored() -> None:
    here = board()
    here.update(record("stranger", "gfn1", "done"))
    assert told(here) == []
