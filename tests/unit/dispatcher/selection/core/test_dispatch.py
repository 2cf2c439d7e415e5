"""The dispatcher from atoms to answers, on the real ledger, with a launcher that is quick."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.messages import DispatcherStatus
from sim_dispatcher.dispatch import loop
from sim_dispatcher.ledger import DatabaseAwayError
from sim_dispatcher.ledger.bell import BELL_NAME
from sim_dispatcher.selection import Limits

SILICON = (18.0, 18.0)


async def test_a_defect_is_answered_at_every_level_and_its_bar_follows(
    site: Any, sample: Callable[..., Any]
) -> None:
    async with site.dispatcher() as run:
        await run.send(sample({SILICON: "Si"}).envelope(0))
        await run.until(lambda: len(run.jobs) == 2)
        assert [key.split("-")[3] for _, key in site.queue.ready()] == ["gfnff", "gfn1"]
        assert site.launcher.run_one() is not None
        await run.until(lambda: len(run.answers) == 1)
        assert site.launcher.run_one() is not None
        upper = await run.until(
            lambda: next((a for a in run.answers.values() if a.disagreement), 0)
        )
        assert upper.result.level == "gfn1"
        assert upper.disagreement.below == "gfnff"
        assert upper.result.uncertainty is None
        await run.until(lambda: len(run.jobs) == 3)
        assert [roi.state for roi in run.rois.values()] == ["done"]
        site.launcher.run_one()
        barred = await run.until(lambda: run.answers[upper.job].result.uncertainty)
        assert barred["size_eV"] == 0.03
        assert barred["total_eV"] > 0


async def test_a_launcher_that_rings_is_heard_though_nobody_polls(
    site: Any, sample: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "BELL_POLL_S", 1e6)
    async with site.dispatcher() as run:
        await run.send(sample({SILICON: "Si"}).envelope(0))
        await run.until(lambda: len(run.jobs) == 2)
        site.launcher.run_all()
        await run.until(lambda: len(run.answers) == 2)


async def test_a_launcher_on_another_host_is_noticed_without_a_bell(
    site: Any, sample: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "BELL_POLL_S", 0.05)
    async with site.dispatcher() as run:
        await run.send(sample({SILICON: "Si"}).envelope(0))
        await run.until(lambda: len(run.jobs) == 2)
        (site.folder / BELL_NAME).unlink()
        site.launcher.run_all()
        await run.until(lambda: len(run.answers) == 2)


async def test_the_status_shows_what_the_session_used_and_what_is_left(
    site: Any, sample: Callable[..., Any]
) -> None:
    site.conduct = replace(site.conduct, limits=Limits(jobs=10, cpu_h=1.0))
    async with site.dispatcher() as run:
        await run.send(sample({SILICON: "Si"}).envelope(0))
        await run.until(lambda: len(run.jobs) == 2)
        site.launcher.run_all()
        await run.until(lambda: len(run.answers) == 2)
        said = await run.until(
            lambda: next((s for s in run.all(DispatcherStatus) if s.used_cpu_h), None)
        )
        assert said.used_cpu_h == pytest.approx(0.02)
        assert said.budget_cpu_h == pytest.approx(0.98)
        assert said.jobs_done == 2
        assert said.budget_jobs in (7, 8)


async def test_a_database_that_goes_away_is_told_and_the_work_goes_on_when_it_is_back(
    site: Any, sample: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise DatabaseAwayError("The database does not answer.", remedy="Start it.")

    async with site.dispatcher() as run:
        await run.until(lambda: run.state == "ready")
        with monkeypatch.context() as broken:
            for name in ("changes", "submit"):
                broken.setattr(site.ledger, name, away)
            broken.setattr(site.memory, "save", away)
            await run.send(sample({SILICON: "Si"}, session="known").envelope(0))
            await run.until(lambda: run.state == "degraded")
        await run.until(lambda: len(run.jobs) == 2)
        await run.until(lambda: run.state == "ready")


async def test_a_frame_that_cannot_be_understood_stops_nothing(
    site: Any, sample: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = sample({SILICON: "Si"})
    broken = sheet.envelope(0)
    async with site.dispatcher() as run:
        await run.send(replace(broken, payload=broken.payload[:1]))
        with monkeypatch.context() as odd:
            odd.setattr(loop, "open_scene", lambda *_: 1 / 0)
            await run.send(sheet.envelope(1))
            await run.until(lambda: not run.worker._frames)
        await run.send(sheet.envelope(2))
        await run.until(lambda: len(run.jobs) == 2)


async def test_an_order_does_not_wait_for_the_ledger_to_be_mended(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended = threading.Event()
    monkeypatch.setattr(site.ledger, "reconcile", lambda: mended.wait(10))
    async with site.dispatcher() as run:
        assert (await run.order("pause", "o1")).accepted
        mended.set()
