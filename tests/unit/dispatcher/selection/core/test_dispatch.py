"""The dispatcher from atoms to answers, on the real ledger, with a launcher that is quick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
