"""Orders: each is carried out once, answered in words, and can be taken back where that is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sim_dispatcher.board import Ladder

SILICON, NITROGEN, VACANCY = (18.0, 18.0), (10.0, 26.0), (26.0, 10.0)


async def start(run: Any, sample: Callable[..., Any], sites: dict[Any, str], **header: Any) -> Any:
    sheet = sample(sites)
    await run.send(sheet.envelope(0, **header))
    await run.until(lambda: run.rois)
    return sheet


def roi_of(run: Any, kind: str) -> str:
    return next(key for key, roi in run.rois.items() if roi.defect.type == kind)


async def test_a_pick_goes_beyond_doubt_and_room_and_comes_before_all_others(
    site: Any, sample: Callable[..., Any]
) -> None:
    site.at_once = 1
    async with site.dispatcher() as run:
        await start(run, sample, {SILICON: "Si", NITROGEN: "N"}, p={"N": 0.6})
        await run.until(lambda: len(run.jobs) == 2)
        doubtful = roi_of(run, "sub_N")
        assert "look closer" in run.rois[doubtful].reason
        outcome = await run.order("pick", "o1", roi=doubtful)
        assert (outcome.accepted, outcome.undo) == (True, "release")
        await run.until(lambda: len(run.jobs) == 4)
        assert run.rois[doubtful].wish == "first"
        first = [key.startswith(doubtful) for _, key in site.queue.ready()]
        assert first == [True, True, False, False]
        assert all(f["priority"] >= 1000 for f in site.queue.fireworks.values()) is False
        released = await run.order("release", "o2", roi=doubtful)
        assert released.undo == "pick"
        await run.until(lambda: all(f["priority"] < 1000 for f in site.queue.fireworks.values()))


async def test_a_dismissed_roi_is_not_computed_until_it_is_released(
    site: Any, sample: Callable[..., Any]
) -> None:
    async with site.dispatcher() as run:
        await start(run, sample, {SILICON: "Si"})
        await run.until(lambda: len(run.jobs) == 2)
        key = roi_of(run, "Si_C3")
        outcome = await run.order("dismiss", "o1", roi=key)
        assert outcome.message == f"{key} is not computed; 2 of its jobs are ended."
        await run.until(lambda: {job.state for job in run.jobs.values()} == {"cancelled"})
        await run.until(lambda: run.rois[key].state == "refused")
        assert site.queue.ready() == []
        await run.order("release", "o2", roi=key)
        await run.until(lambda: len(run.jobs) == 4)
        site.launcher.run_all()
        await run.until(lambda: run.rois[key].state == "done")


async def test_a_dismissed_roi_gives_its_place_to_the_next(
    site: Any, sample: Callable[..., Any]
) -> None:
    site.at_once = 1
    async with site.dispatcher() as run:
        await start(run, sample, {SILICON: "Si", NITROGEN: "N"})
        await run.until(lambda: len(run.jobs) == 2)
        (first,) = {job.roi for job in run.jobs.values()}
        await run.order("dismiss", "o1", roi=first)
        await run.until(lambda: len({job.roi for job in run.jobs.values()}) == 2)


async def test_the_same_order_twice_is_carried_out_once(
    site: Any, sample: Callable[..., Any]
) -> None:
    async with site.dispatcher() as run:
        await start(run, sample, {SILICON: "Si"})
        await run.until(lambda: len(run.jobs) == 2)
        details = {"roi": roi_of(run, "Si_C3"), "recipe": "md", "options": {"temperature_K": 1200}}
        first = await run.order("compute", "same", **details)
        assert first == await run.order("compute", "same", **details)
        other = await run.order("compute", "other", **details)
        assert other.job == first.job
        assert "already" in other.message


async def test_a_recipe_is_computed_with_its_options_from_the_relaxed_structure(
    site: Any, sample: Callable[..., Any]
) -> None:
    async with site.dispatcher() as run:
        await start(run, sample, {SILICON: "Si"})
        await run.until(lambda: len(run.jobs) == 2)
        site.launcher.run_all()
        await run.until(lambda: len(run.answers) == 2)
        key = roi_of(run, "Si_C3")
        jobs = set()
        for number, kelvin in enumerate((300, 1200)):
            outcome = await run.order(
                "compute", f"md{number}", roi=key, recipe="md", options={"temperature_K": kelvin}
            )
            assert (outcome.accepted, outcome.undo) == (True, "cancel")
            jobs.add(outcome.job)
        assert len(jobs) == 2
        records = [site.ledger.get(job) for job in sorted(jobs)]
        assert {record.spec.options.temperature_K for record in records} == {300, 1200}
        assert {record.spec.level for record in records} == {"gfn1"}
        site.launcher.run_all()
        await run.until(lambda: jobs <= set(run.answers))


async def test_a_density_functional_is_asked_on_a_small_cut_from_where_tight_binding_ends(
    site: Any, sample: Callable[..., Any]
) -> None:
    site.conduct = replace(site.conduct, radius_A=7.0, ladder=Ladder(small_atoms=30))
    async with site.dispatcher() as run:
        await start(run, sample, {SILICON: "Si"})
        await run.until(lambda: len(run.jobs) == 2)
        silicon = {"roi": roi_of(run, "Si_C3"), "level": "qe"}
        outcome = await run.order("compute", "o1", recipe="relax", **silicon)
        assert outcome.accepted
        assert "follows on a small cut of" in outcome.message
        for expected in (4, 5):
            site.launcher.run_all()
            await run.until(lambda expected=expected: len(run.jobs) == expected)
        (top,) = (job for job in run.jobs.values() if job.level == "qe")
        assert top.n_atoms <= 30
        site.launcher.run_all()
        await run.until(lambda: top.key in run.answers)
        assert run.answers[top.key].disagreement.below == "gfn1"
        single = await run.order("compute", "o2", recipe="single_point", **silicon)
        assert site.ledger.get(single.job).spec.structure == top_spec(site, top.key).structure


def top_spec(site: Any, key: str) -> Any:
    return site.ledger.get(key).spec


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"roi": "nobody", "recipe": "md"}, "There is no ROI nobody"),
        ({"recipe": "md"}, "names no ROI"),
        ({"roi": "?"}, "names no recipe"),
        ({"roi": "?", "recipe": "md", "level": "vasp"}, "No launcher here runs vasp"),
        ({"roi": "?", "recipe": "md", "level": "gfnff"}, "changes bonds"),
    ],
)
async def test_what_cannot_be_computed_is_refused_with_what_could(
    site: Any, sample: Callable[..., Any], details: dict[str, Any], words: str
) -> None:
    async with site.dispatcher() as run:
        await start(run, sample, {SILICON: "Si"})
        if details.get("roi") == "?":
            details = {**details, "roi": roi_of(run, "Si_C3")}
        outcome = await run.order("compute", "o1", **details)
        assert not outcome.accepted
        assert words in outcome.message
        assert outcome.undo is None


async def test_a_place_that_the_operator_names_becomes_a_roi(
    site: Any, sample: Callable[..., Any]
) -> None:
    async with site.dispatcher() as run:
        await start(run, sample, {SILICON: "Si"}, origin_A=(3.0, 2.0))
        outcome = await run.order("look_at", "o1", x_A=30.0, y_A=24.0)
        assert (outcome.accepted, outcome.undo) == (True, "dismiss")
        roi = await run.until(lambda: run.rois.get(outcome.roi))
        assert (roi.origin, roi.wish) == ("operator", "first")
        assert (roi.x_A, roi.y_A) == pytest.approx((30.0, 24.0))
        await run.until(lambda: sum(job.roi == outcome.roi for job in run.jobs.values()) == 2)


async def test_looking_at_a_known_defect_picks_it(site: Any, sample: Callable[..., Any]) -> None:
    site.at_once = 0
    async with site.dispatcher() as run:
        sheet = await start(run, sample, {SILICON: "Si"})
        x_A, y_A = sheet.place(SILICON)
        outcome = await run.order("look_at", "o1", x_A=x_A + 0.5, y_A=y_A)
        assert outcome.roi == roi_of(run, "Si_C3")
        await run.until(lambda: len(run.jobs) == 2)


@pytest.mark.parametrize(("x_A", "y_A"), [(90.0, 90.0), (-4.0, 10.0), (1.0, 18.0)])
async def test_a_place_outside_the_newest_frame_is_refused(
    site: Any, sample: Callable[..., Any], x_A: float, y_A: float
) -> None:
    async with site.dispatcher() as run:
        assert "No frame has come" in (await run.order("look_at", "o1", x_A=x_A, y_A=y_A)).message
        await start(run, sample, {SILICON: "Si"})
        outcome = await run.order("look_at", "o2", x_A=x_A, y_A=y_A)
        assert not outcome.accepted
        assert "lies outside frame 0" in outcome.message


async def test_a_cancelled_job_is_gone_and_an_ended_one_stays(
    site: Any, sample: Callable[..., Any]
) -> None:
    async with site.dispatcher() as run:
        await start(run, sample, {SILICON: "Si"})
        await run.until(lambda: len(run.jobs) == 2)
        running, waiting = (key for _, key in site.queue.ready())
        claim = site.launcher.claim(running)
        for name, job in (("o1", running), ("o2", waiting)):
            outcome = await run.order("cancel", name, job=job, by="Ada")
            assert outcome.accepted
        assert not site.ledger.beat(running, claim.token)  # its launcher must stop
        await run.until(lambda: {job.state for job in run.jobs.values()} == {"cancelled"})
        assert run.jobs[running].reason == "cancelled by Ada."
        again = await run.order("cancel", "o3", job=running)
        assert again.accepted
        assert "There is no job" in (await run.order("cancel", "o4", job="nothing")).message


async def test_a_cancel_is_taken_back_by_the_same_job_afresh(
    site: Any, sample: Callable[..., Any]
) -> None:
    async with site.dispatcher() as run:
        await start(run, sample, {SILICON: "Si"})
        await run.until(lambda: len(run.jobs) == 2)
        job = next(key for key in run.jobs if "gfn1" in key)
        cancelled = await run.order("cancel", "o1", job=job)
        assert cancelled.undo == "compute"
        roi = roi_of(run, "Si_C3")
        back = await run.order("compute", "o2", roi=roi, recipe="relax", level="gfn1")
        assert back.accepted
        assert back.job != job
        site.launcher.run_all()
        await run.until(lambda: back.job in run.answers)
        await run.until(lambda: any("error_bar" in key for key in run.jobs))


async def test_a_finished_job_cannot_be_cancelled(site: Any, sample: Callable[..., Any]) -> None:
    async with site.dispatcher() as run:
        await start(run, sample, {SILICON: "Si"})
        await run.until(lambda: len(run.jobs) == 2)
        done = site.launcher.run_one()
        outcome = await run.order("cancel", "o1", job=done)
        assert not outcome.accepted
        assert "had ended: done" in outcome.message


async def test_while_paused_nothing_new_starts_but_what_the_operator_picks(
    site: Any, sample: Callable[..., Any]
) -> None:
    async with site.dispatcher() as run:
        assert (await run.order("pause", "o1")).undo == "resume"
        await start(run, sample, {SILICON: "Si", NITROGEN: "N"})
        await run.until(lambda: run.state == "paused")
        assert {roi.reason for roi in run.rois.values()} == {"paused by the operator."}
        await run.order("pick", "o2", roi=roi_of(run, "Si_C3"))
        await run.until(lambda: len(run.jobs) == 2)
        assert (await run.order("resume", "o3")).undo == "pause"
        await run.until(lambda: len(run.jobs) == 4)


async def test_a_roi_that_cannot_be_cut_says_why_even_when_it_is_picked(
    site: Any, sample: Callable[..., Any]
) -> None:
    site.at_once = 0
    async with site.dispatcher() as run:
        await start(run, sample, {SILICON: "Si", (21.0, 18.0): "N"}, p={"N": 0.4})
        key = next(key for key, roi in run.rois.items() if "Si" in roi.defect.type)
        await run.order("pick", "o1", roi=key)
        await run.until(lambda: run.rois[key].state == "refused")
        assert "is uncertain (p = 0.40)" in run.rois[key].reason
        assert run.rois[key].wish == "first"
        assert run.jobs == {}
