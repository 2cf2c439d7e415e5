"""The board: where every ROI stands, what it may use, and what the operator has yet to be told."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from shared.messages import Roi
from sim_dispatcher.board import (
    BAR,
    Board,
    Cancel,
    Conduct,
    Cut,
    Ladder,
    Piece,
    Prioritise,
    Step,
)
from sim_dispatcher.dispatch.specification import specify
from sim_dispatcher.ledger import JobRecord
from sim_dispatcher.selection import FIRST, Limits, Rules, Track, random_patch

SILICON, TWIN, NITROGEN, VACANCY = (18.0, 18.0), (10.0, 10.0), (26.0, 26.0), (26.0, 10.0)
CONDUCT = Conduct(radius_A=5.2)
CUT = Cut(
    whole=Piece(structure="1\n\nC 0 0 0\n", n_heavy=1),
    frame="1" * 64,
    frame_index=0,
    model="f" * 64,
)


class Bench:
    """A board with a sample under it, whose jobs go where a test sends them."""

    def __init__(self, sample: Any, finished: Any, conduct: Conduct = CONDUCT) -> None:
        self.sample, self.finished = sample, finished
        self.board = Board(conduct)
        self.board.begin(sample.session)
        self.index = 0

    def frame(self, **more: Any) -> None:
        self.board.observe(self.sample.scene(self.index, **more))
        self.index += 1

    def pick(self, room: int = 1) -> list[str]:
        keys = []
        for _ in range(room):
            for best in self.board.candidates(1):
                self.board.start(best.track.key, CUT, best.priority)
                keys.append(best.track.key)
        return keys

    def jobs(self, state: str, **more: Any) -> None:
        """Submit what is due, and bring every open job to a state."""
        for entry, cut, step in list(self.board.steps()):
            spec = specify(entry.key, cut, step, 0.0, 1)
            self.board.update(self.finished(spec, "queued"))
        for entry in self.board.entries:
            for record in entry.open_jobs:
                self.board.update(self.finished(record.spec, state, **more))

    def told(self) -> dict[str, Roi]:
        return {roi.key: roi for roi in self.board.changes(7)}


@pytest.fixture
def bench(sample: Callable[..., Any], finished: Callable[..., JobRecord]) -> Callable[..., Bench]:
    def make(sites: dict[tuple[float, float], str], conduct: Conduct = CONDUCT) -> Bench:
        return Bench(sample(sites), finished, conduct)

    return make


def test_every_change_is_told_once_and_everything_again_to_a_service_that_forgot(
    bench: Callable[..., Bench],
) -> None:
    here = bench({SILICON: "Si"})
    here.frame()
    (first,) = here.told().values()
    assert (first.state, first.origin, first.wish, first.updated_at_ns) == (
        "candidate", "defect", "usual", 7,
    )  # fmt: skip
    assert first.shape is not None
    assert here.told() == {}
    here.pick()
    assert [roi.state for roi in here.told().values()] == ["queued"]
    here.board.mark_all()
    assert len(here.told()) == 1


def test_the_second_of_a_kind_waits_behind_what_is_new(bench: Callable[..., Bench]) -> None:
    here = bench({SILICON: "Si", TWIN: "Si", NITROGEN: "N", VACANCY: ""})
    here.frame()
    picked = [here.board.track(key).type for key in here.pick(4)]
    assert sorted(picked[:3]) == ["Si_C3", "V1", "sub_N"]
    assert picked[3] == "Si_C3"
    last = here.told()
    (twin,) = (roi for roi in last.values() if roi.similarity == 1.0)
    assert twin.defect.type == "Si_C3"


def test_a_roi_follows_its_jobs_to_the_end(bench: Callable[..., Bench]) -> None:
    here = bench({SILICON: "Si"})
    here.frame()
    (key,) = here.pick()
    for state in ("queued", "running", "done"):
        here.jobs(state)
        assert here.told()[key].state == state if state != "queued" else True
    assert here.board.active == 0
    here.jobs("running")  # the error bar
    assert here.board[key].state == "done"
    assert here.board.active == 0


def test_a_failed_relaxation_gives_the_roi_its_reason(bench: Callable[..., Bench]) -> None:
    here = bench({SILICON: "Si"})
    here.frame()
    (key,) = here.pick()
    here.jobs("failed", reason="SCF did not converge.", remedy="Use smearing.")
    assert here.told()[key].reason == "SCF did not converge. Use smearing."
    assert here.board[key].state == "failed"


def test_an_answer_stands_though_its_error_bar_fails(bench: Callable[..., Bench]) -> None:
    here = bench({SILICON: "Si"})
    here.frame()
    (key,) = here.pick()
    here.jobs("done")
    here.jobs("failed", reason="No start ended in the same topology.")
    entry = here.board[key]
    assert entry.state == "done"
    assert entry.reason == f"{BAR} at gfn1 failed: No start ended in the same topology."


def test_a_roi_that_cannot_be_cut_is_tried_again_when_it_was_seen_some_more(
    bench: Callable[..., Bench],
) -> None:
    here = bench({SILICON: "Si"})
    here.frame()
    (best,) = here.board.candidates(1)
    here.board.refuse(best.track.key, "too close to the frame's edge")
    assert here.told()[best.track.key].reason == "too close to the frame's edge"
    for _ in range(4):
        here.frame()
        assert here.board.candidates(1) == []
    for _ in range(2):
        here.frame()
    assert len(here.board.candidates(1)) == 1


def test_the_budget_of_jobs_lets_first_answers_through_and_holds_bars_back(
    bench: Callable[..., Bench],
) -> None:
    here = bench({SILICON: "Si"}, dataclasses.replace(CONDUCT, limits=Limits(jobs=2)))
    here.frame()
    (key,) = here.pick()
    here.jobs("done")
    assert list(here.board.steps()) == []
    reason = here.board[key].reason
    assert reason is not None
    assert reason.startswith("error_bar at gfn1 is not started: the session's budget of 2 jobs")
    here.board.wish(key, "first")
    assert len(list(here.board.steps())) == 1


def test_used_and_expected_processor_time_count_against_the_budget(
    bench: Callable[..., Bench],
) -> None:
    conduct = dataclasses.replace(CONDUCT, limits=Limits(cpu_h=1.0))
    here = bench({SILICON: "Si", NITROGEN: "N", VACANCY: ""}, conduct)
    here.frame()
    here.pick()
    here.jobs("done", spent_cpu_s=900.0)
    assert here.board.usage.cpu_h == 0.5
    here.pick()
    here.jobs("queued")
    assert here.board.usage.expected_cpu_s == 1800.0
    assert here.pick() == []
    (waiting,) = (entry for entry in here.board.entries if not entry.picked)
    assert "1 CPU-hours (0.50 used, 1.00 with what runs)" in (waiting.reason or "")


def test_random_patches_are_a_yardstick_first_and_then_a_share_of_the_rois(
    bench: Callable[..., Bench],
) -> None:
    conduct = dataclasses.replace(CONDUCT, limits=Limits(random_share=0.5))
    here = bench({SILICON: "Si", NITROGEN: "N"}, conduct)
    here.frame()
    assert here.board.wants_patch == "yardstick"
    scene = here.board.scenes.newest
    assert scene is not None
    patch = random_patch(scene, 6.0)
    assert patch is not None
    here.board.measure(patch)
    assert here.board.wants_patch is None
    assert "like bare sheet" in (here.board.entries[0].reason or "") or here.board.candidates(1)
    here.pick()
    assert here.board.wants_patch == "roi"
    here.board.add(Track("random-1", patch, origin="random"))
    assert here.board.wants_patch is None
    here.pick(2)
    here.jobs("done")
    recipes = {record.spec.recipe for record in here.board["random-1"].jobs.values()}
    assert recipes == {"relax"}
    assert here.told()["random-1"].origin == "random"
    assert here.board.usage.randoms == 1


def test_a_random_patch_that_nobody_took_up_is_forgotten(bench: Callable[..., Bench]) -> None:
    here = bench({SILICON: "Si"}, dataclasses.replace(CONDUCT, rules=Rules(stale_frames=2)))
    here.frame()
    scene = here.board.scenes.newest
    assert scene is not None
    patch = random_patch(scene, 6.0)
    assert patch is not None
    here.board.add(Track("random-1", patch, origin="random"))
    for _ in range(4):
        here.frame()
    assert here.told()["random-1"].state == "stale"
    here.frame()
    assert "random-1" not in here.board


def test_a_wish_is_an_errand_to_every_open_job(bench: Callable[..., Bench]) -> None:
    here = bench({SILICON: "Si"})
    here.frame()
    (key,) = here.pick()
    here.jobs("queued")
    here.board.wish(key, "first")
    lifted = here.board.errands()
    assert all(isinstance(each, Prioritise) and each.priority > FIRST for each in lifted)
    assert here.board.errands() == []
    here.board.wish(key, "never")
    assert [type(each) for each in here.board.errands()] == [Cancel, Cancel]


def test_a_defect_unseen_for_long_has_its_waiting_jobs_demoted_until_it_is_back(
    bench: Callable[..., Bench],
) -> None:
    here = bench({SILICON: "Si"}, dataclasses.replace(CONDUCT, rules=Rules(stale_frames=2)))
    here.frame()
    (key,) = here.pick()
    here.jobs("queued")
    for _ in range(3):
        here.frame(origin_A=(30.0, 30.0))
    down = {each.job: each.priority for each in here.board.errands()}  # type: ignore[union-attr] # all are
    assert here.board[key].state == "stale"
    assert all(priority < 0 for priority in down.values())
    here.frame()
    up = {each.job: each.priority for each in here.board.errands()}  # type: ignore[union-attr] # all are
    assert here.board[key].state == "queued"
    assert {job: priority - down[job] for job, priority in up.items()} == dict.fromkeys(up, 100.0)


def test_what_waits_of_another_sitting_goes_last(bench: Callable[..., Bench]) -> None:
    here = bench({SILICON: "Si"})
    here.frame()
    here.pick()
    here.jobs("queued")
    here.board.begin("another")
    assert all(each.priority < 0 for each in here.board.errands())  # type: ignore[union-attr] # all are


def test_the_nearest_roi_that_is_still_there_is_found_by_its_place(
    bench: Callable[..., Bench],
) -> None:
    here = bench({SILICON: "Si"})
    here.frame()
    x_A, y_A = here.sample.place(SILICON)
    assert here.board.near((x_A + 1.0, y_A), 2.0) == here.board.entries[0].key
    assert here.board.near((x_A + 3.0, y_A), 2.0) is None


def test_a_record_of_another_session_is_ignored(
    bench: Callable[..., Bench], finished: Callable[..., JobRecord]
) -> None:
    here = bench({})
    step_spec = specify("stranger", CUT, next(iter(steps_of(CUT))), 0.0, 1)
    here.board.update(finished(step_spec, "done"))
    assert here.told() == {}


def steps_of(cut: Cut) -> Any:
    from sim_dispatcher.board.ladder import Situation, due

    return due(Ladder(), Situation(roi="stranger", cut=cut, jobs={}))


def test_a_long_job_that_the_operator_ordered_takes_no_place_of_a_first_answer(
    bench: Callable[..., Bench],
) -> None:
    here = bench({SILICON: "Si", NITROGEN: "N"})
    here.frame()
    (key,) = here.pick()
    assert here.board.active == 1
    here.jobs("done")
    assert here.board.active == 0
    spec = specify(key, CUT, Step("md", "gfn1", CUT.whole), 500.0, 1)
    here.board.update(here.finished(spec, "running"))
    assert here.board[key].state == "running"
    assert here.board.active == 0
