"""A sitting: defects flicker, drift, change, leave and come back, and dispatchers die."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sim_dispatcher.ledger import DatabaseAwayError

SILICON, OTHER = (18.0, 18.0), (10.0, 26.0)


def keys_of(run: Any, kind: str = "Si_C3") -> list[str]:
    return [key for key, roi in run.rois.items() if roi.defect.type == kind]


async def test_a_defect_that_flickers_and_drifts_is_computed_once(
    site: Any, sample: Callable[..., Any]
) -> None:
    there, gone = sample({SILICON: "Si"}), sample({})
    async with site.dispatcher() as run:
        for index in range(12):
            shown = gone if index % 3 == 2 else there
            drift = (0.3 * index, -0.2 * index)
            await run.send(shown.envelope(index, origin_A=drift))
        await run.until(lambda: len(run.jobs) == 2)
        site.launcher.run_all()
        await run.until(lambda: len(run.jobs) == 3)
        site.launcher.run_all()
        await run.until(lambda: len(run.answers) == 2)
    assert len(keys_of(run)) == 1
    assert len(site.launcher.computed) == len(set(site.launcher.computed)) == 3


async def test_what_the_beam_changed_is_a_new_roi_linked_to_the_old_one_which_goes_stale(
    site: Any, sample: Callable[..., Any]
) -> None:
    before, after = sample({SILICON: "Si"}), sample({SILICON: "N"})
    async with site.dispatcher() as run:
        await run.send(before.envelope(0), before.envelope(1))
        (old,) = await run.until(lambda: keys_of(run))
        await run.until(lambda: len(run.jobs) == 2)
        await run.send(*(after.envelope(index) for index in range(2, 5)))
        (new,) = await run.until(lambda: keys_of(run, "sub_N"))
        await run.until(lambda: run.rois[old].state == "stale")
        assert run.rois[new].previous == old
        assert f"changed it into {new}" in run.rois[old].reason
        await run.until(lambda: len(run.jobs) == 4)
        await run.until(lambda: site.queue.ready()[0][1].startswith(new))
        ready = [key for _, key in site.queue.ready()]
        assert [key.startswith(new) for key in ready] == [True, True, False, False]


async def test_the_waiting_jobs_of_a_stale_roi_can_be_withdrawn_and_are_asked_afresh(
    site: Any, sample: Callable[..., Any]
) -> None:
    site.conduct = replace(site.conduct, stale_jobs="cancel")
    before, after = sample({SILICON: "Si"}), sample({SILICON: "N"})
    async with site.dispatcher() as run:
        await run.send(before.envelope(0))
        (old,) = await run.until(lambda: keys_of(run))
        await run.until(lambda: len(run.jobs) == 2)
        await run.send(after.envelope(1), after.envelope(2))
        await run.until(
            lambda: [job.state for job in run.jobs.values() if job.roi == old] == ["cancelled"] * 2
        )
        await run.send(before.envelope(3), before.envelope(4))
        await run.until(lambda: sum(job.roi == old for job in run.jobs.values()) == 4)
        site.launcher.run_all()
        await run.until(lambda: run.rois[old].state == "done")
    assert len(site.launcher.computed) == len(set(site.launcher.computed))


async def test_a_defect_that_leaves_the_field_is_stale_and_comes_back_as_itself(
    site: Any, sample: Callable[..., Any]
) -> None:
    site.at_once = 0
    sheet = sample({SILICON: "Si"})
    async with site.dispatcher() as run:
        await run.send(sheet.envelope(0))
        (key,) = await run.until(lambda: keys_of(run))
        for index in range(1, 15):
            await run.send(sheet.envelope(index, origin_A=(30.0, 30.0)))
        await run.until(lambda: run.rois[key].state == "stale")
        assert run.rois[key].reason == "out of view since frame 0."
        await run.send(sheet.envelope(15))
        await run.until(lambda: run.rois[key].state == "candidate")
        assert run.rois[key].seen_frames == 2
        assert keys_of(run) == [key]


@pytest.mark.parametrize("killed_after", ["picked", "first answer", "all answers"])
async def test_a_dispatcher_that_is_killed_goes_on_where_it_was(
    site: Any, sample: Callable[..., Any], killed_after: str
) -> None:
    sheet = sample({SILICON: "Si", OTHER: "N"})
    async with site.dispatcher() as run:
        await run.send(sheet.envelope(0))
        await run.until(lambda: len(run.jobs) == 4)
        if killed_after != "picked":
            site.launcher.run_one()
            await run.until(lambda: run.answers)
        if killed_after == "all answers":
            site.launcher.run_all()
            await run.until(lambda: len(run.jobs) == 6)
            site.launcher.run_all()
            await run.until(
                lambda: sum(bool(a.result.uncertainty) for a in run.answers.values()) == 2
            )
        keys = set(run.rois)
    async with site.dispatcher() as again:
        await again.until(lambda: set(again.rois) == keys)
        await again.send(sheet.envelope(1, origin_A=(0.5, 0.5)))
        await again.until(lambda: again.frames_seen == 2)
        site.launcher.run_all()
        await again.until(lambda: len(again.jobs) == 6)
        site.launcher.run_all()
        await again.until(
            lambda: sum(bool(a.result.uncertainty) for a in again.answers.values()) == 2
        )
        assert set(again.rois) == keys
        assert {roi.state for roi in again.rois.values()} == {"done"}
    assert len(site.launcher.computed) == len(set(site.launcher.computed)) == 6


async def test_a_kill_between_two_submissions_leaves_neither_out(
    site: Any, sample: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, calls = site.ledger.submit, []

    def dying(spec: Any) -> Any:
        calls.append(spec.key)
        if len(calls) >= 2:
            raise DatabaseAwayError("gone", remedy="wait")
        return submit(spec)

    monkeypatch.setattr(site.ledger, "submit", dying)
    async with site.dispatcher() as run:
        await run.send(sample({SILICON: "Si"}).envelope(0))
        await run.until(lambda: len(calls) >= 2)
    monkeypatch.setattr(site.ledger, "submit", submit)
    async with site.dispatcher() as again:
        await again.until(lambda: len(again.jobs) == 2)
    assert {key for _, key in site.queue.ready()} == set(calls)


async def test_a_dispatcher_told_to_pause_is_still_paused_after_a_restart(
    site: Any, sample: Callable[..., Any]
) -> None:
    sheet = sample({SILICON: "Si"})
    site.at_once = 0
    async with site.dispatcher() as run:
        await run.send(sheet.envelope(0))
        await run.until(lambda: keys_of(run))
        await run.order("pause", "o1")
        first = await run.order("dismiss", "o2", roi=keys_of(run)[0])
    site.at_once = 4
    async with site.dispatcher() as again:
        await again.send(sheet.envelope(1))
        await again.until(lambda: again.state == "paused")
        (roi,) = again.rois.values()
        assert (roi.wish, roi.state) == ("never", "refused")
        assert await again.order("dismiss", "o2", roi=roi.key) == first


async def test_another_sitting_starts_from_nothing_and_the_old_one_is_not_lost(
    site: Any, sample: Callable[..., Any]
) -> None:
    one, two = sample({SILICON: "Si"}, session="one"), sample({SILICON: "Si"}, session="two")
    async with site.dispatcher() as run:
        await run.send(one.envelope(0))
        await run.until(lambda: keys_of(run))
        await run.until(lambda: len(run.jobs) == 2)
        await run.send(two.envelope(0))
        await run.until(lambda: len(run.jobs) == 4)
        await run.send(one.envelope(1))
        await run.until(lambda: run.frames_seen == 2)
        assert len(run.jobs) == 4
        assert len(keys_of(run)) == 2


@pytest.mark.parametrize("seed", range(3))
async def test_however_often_it_is_killed_nothing_is_computed_twice_and_nothing_left_out(
    site: Any, sample: Callable[..., Any], seed: int
) -> None:
    dice, sheet = random.Random(seed), sample({SILICON: "Si", OTHER: "N", (26.0, 12.0): ""})
    for index in range(8):
        async with site.dispatcher() as run:
            await run.send(sheet.envelope(index, origin_A=(0.1 * index, 0.0)))
            for _ in range(dice.randrange(12)):
                run.pump()
                await asyncio.sleep(0.01 * dice.random())
        if dice.random() < 0.7:
            await asyncio.to_thread(site.launcher.run_one)
    async with site.dispatcher() as run:
        await run.send(sheet.envelope(20))

        def barred() -> int:
            site.launcher.run_all()
            return sum(bool(answer.result.uncertainty) for answer in run.answers.values())

        await run.until(lambda: barred() == 3)
        assert len(run.rois) == 3
    assert len(site.launcher.computed) == len(set(site.launcher.computed)) == 9
