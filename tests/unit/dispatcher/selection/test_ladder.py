"""The ladder: what is due for a ROI, and in which order it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.messages import Disagreement, Level, Recipe, RecipeOptions
from sim_dispatcher.board import BAR, Cut, Entry, Ladder, Piece, Step, job_priority
from sim_dispatcher.board.ladder import WITHDRAWN, Situation, due
from sim_dispatcher.dispatch.specification import specify
from sim_dispatcher.launch.admission import task_document
from sim_dispatcher.launch.signing import SigningKey
from sim_dispatcher.ledger import JobRecord, Variant

WHOLE = Piece(structure="2\n\nC 0 0 0\nC 0 0 1.4\n", n_heavy=2, unpaired=0)
SMALL = Piece(structure="1\n\nC 0 0 0\n", n_heavy=1)
VARIANT = Variant(name="N for C", kind="alternative", weight=0.1, structure=SMALL.structure)
CUT = Cut(
    whole=WHOLE, small=SMALL, variants=(VARIANT,), frame="0" * 64, frame_index=3, model="f" * 64
)
HIGH = Ladder(high="pyscf")


def trust(**more: Any) -> Disagreement:
    fields: dict[str, Any] = {
        "below": "gfnff", "formation_eV": None, "bond_A": 0.01, "rms_A": 0.1, "same_rings": True
    }  # fmt: skip
    return Disagreement(**{**fields, **more})


class Roi:
    """A ROI whose due jobs are submitted and finished one after the other."""

    def __init__(self, ladder: Ladder, finished: Callable[..., JobRecord], **more: Any) -> None:
        self.ladder = ladder
        self.jobs: dict[str, JobRecord] = {}
        self._finished = finished
        self._more = more

    def due(self) -> list[tuple[Recipe, Level]]:
        here = Situation(roi="roi", cut=CUT, jobs=self.jobs, **self._more)
        return [(step.recipe, step.level) for step in due(self.ladder, here)]

    def submit(self, state: str = "done", **more: Any) -> None:
        here = Situation(roi="roi", cut=CUT, jobs=self.jobs, **self._more)
        for step in due(self.ladder, here):
            spec = specify("roi", CUT, step, 0.0, 1)
            self.jobs[spec.key] = self._finished(
                spec, state, structure=f"end of {step.level}", **more
            )


def test_the_quick_levels_are_asked_at_once_and_the_bar_when_they_have_answered(
    finished: Callable[..., JobRecord],
) -> None:
    roi = Roi(Ladder(), finished)
    assert roi.due() == [("relax", "gfnff"), ("relax", "gfn1")]
    roi.submit("queued")
    assert roi.due() == []
    roi.jobs = {key: finished(job.spec, "done") for key, job in roi.jobs.items()}
    assert roi.due() == [(BAR, "gfn1")]
    roi.submit()
    assert roi.due() == []


def test_no_bar_follows_an_answer_that_failed(finished: Callable[..., JobRecord]) -> None:
    roi = Roi(Ladder(), finished)
    roi.submit("failed")
    assert roi.due() == []


def test_the_bar_comes_with_the_other_readings_of_the_place(
    finished: Callable[..., JobRecord],
) -> None:
    roi = Roi(Ladder(), finished)
    roi.submit()
    roi.submit()
    bars = [job.spec for job in roi.jobs.values() if job.spec.recipe == BAR]
    assert [spec.variants for spec in bars] == [(VARIANT,)]


def test_a_random_patch_and_a_halted_roi_get_no_bar(finished: Callable[..., JobRecord]) -> None:
    random = Roi(Ladder(), finished, random=True)
    random.submit()
    assert random.due() == []
    assert Roi(Ladder(), finished, halted=True).due() == []


@pytest.mark.parametrize("said", [trust(same_rings=False), trust(bond_A=0.05), trust(rms_A=0.5)])
def test_levels_that_contradict_each_other_call_for_a_higher_one_on_a_small_cut(
    finished: Callable[..., JobRecord], said: Disagreement
) -> None:
    roi = Roi(HIGH, finished)
    roi.submit()
    assert roi.due() == [(BAR, "gfn1")]
    top = next(key for key, job in roi.jobs.items() if job.spec.level == "gfn1")
    roi._more = {"trusts": {top: said}}
    assert roi.due() == [(BAR, "gfn1"), ("relax", "gfn1")]
    roi.submit()
    assert roi.due() == [("relax", "pyscf")]
    roi.submit()
    assert roi.due() == []
    started_from = [job.spec.structure for job in roi.jobs.values() if job.spec.level == "pyscf"]
    assert started_from == ["end of gfn1"]


def test_levels_that_agree_need_no_higher_one_unless_the_operator_asks(
    finished: Callable[..., JobRecord],
) -> None:
    roi = Roi(HIGH, finished)
    roi.submit()
    top = next(key for key, job in roi.jobs.items() if job.spec.level == "gfn1")
    roi._more = {"trusts": {top: trust()}}
    assert roi.due() == [(BAR, "gfn1")]
    roi._more = {"asked": "gpaw"}
    assert ("relax", "gfn1") in roi.due()


def test_a_withdrawn_job_is_asked_for_afresh_and_a_cancelled_one_is_not(
    finished: Callable[..., JobRecord],
) -> None:
    roi = Roi(Ladder(), finished)
    for _ in range(2):
        roi.submit("cancelled", reason=f"{WITHDRAWN}gone.")
        assert roi.due() == [("relax", "gfnff"), ("relax", "gfn1")]
    assert len(roi.jobs) == 4
    roi.submit("cancelled", reason="cancelled by Ada.")
    assert roi.due() == []


def test_a_key_follows_from_everything_that_the_computation_depends_on() -> None:
    base = Step("md", "gfn1", WHOLE)
    others = [
        Step("adsorb", "gfn1", WHOLE),
        Step("md", "gfn2", WHOLE),
        Step("md", "gfn1", SMALL),
        Step("md", "gfn1", WHOLE.model_copy(update={"charge": 1})),
        Step("md", "gfn1", WHOLE, RecipeOptions(temperature_K=1200)),
        Step("md", "gfn1", WHOLE, variants=(VARIANT,)),
        Step("md", "gfn1", WHOLE, again=1),
    ]
    assert len({step.key("roi") for step in (base, *others)}) == 8
    assert base.key("roi") == Step("md", "gfn1", WHOLE.model_copy()).key("roi")
    longest = Step("relax_perimeter", "gfnff", WHOLE).key("Si_tetramer-" + "0" * 12)
    assert len(longest) <= 64


def test_first_answers_come_before_bars_and_stale_rois_last() -> None:
    usual, first, stale = Entry("a", base=0.9), Entry("b", base=0.1), Entry("c", base=0.9)
    first.wish, stale.stale = "first", True
    ladder = Ladder()
    order = [
        job_priority(first, "relax", "gfnff", ladder),
        job_priority(first, "relax", "gfn1", ladder),
        job_priority(usual, "md", "gfn1", ladder),
        job_priority(usual, "relax", "gfnff", ladder),
        job_priority(usual, "relax", "gfn1", ladder),
        job_priority(usual, BAR, "gfn1", ladder),
        job_priority(first, BAR, "gfn1", ladder),
        job_priority(stale, "relax", "gfnff", ladder),
    ]
    assert order == sorted(order, reverse=True)


def test_the_text_that_is_hashed_is_the_very_text_that_is_signed() -> None:
    spec = specify("roi", CUT, Step("relax", "gfn1", WHOLE), 1.0, 7)
    signed = task_document(spec, SigningKey(b"0" * 32))["job"]
    assert spec.canonical() == signed
