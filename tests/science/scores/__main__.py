"""Score an ensemble on frames with a known truth, and on the real frames where they are at hand.

``python -m tests.science.scores build/multislice --out build/scores`` prints the table and writes
``scores.md``, ``scores.json`` and, with ``--plots FOLDER``, the pictures.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from inference_service.detector.pipeline import shipped_model
from tests.science.scores.analyses import Analyst
from tests.science.scores.campaign import Campaign, run
from tests.science.scores.frames import frame_names
from tests.science.scores.page import write_page
from tests.science.scores.positions import over_bound, rms_pm, spread
from tests.science.scores.real_frames import ask_real
from tests.science.scores.table import as_json, markdown, rows


def scores(
    folder: Annotated[Path, typer.Argument(help="Holds frames/ and truth/.")],
    *,
    out: Annotated[Path, typer.Option(help="Where the table and the answers go.")],
    model: Annotated[Path | None, typer.Option(help="The ensemble; the shipped one.")] = None,
    threads: Annotated[int, typer.Option(help="Of engine and refinement.")] = 1,
    limit: Annotated[int, typer.Option(help="At most so many frames, spread evenly.")] = 0,
    only: Annotated[str, typer.Option(help="Only frames with this in their name.")] = "",
    real: Annotated[Path | None, typer.Option(help="Folder of the evaluation frames.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Write pictures and page here.")] = None,
    unscaled: Annotated[bool, typer.Option(help="Also with no scale given.")] = True,
    rebond: Annotated[bool, typer.Option(help="Bonds and defects by the code of today.")] = False,
    any_code: Annotated[bool, typer.Option(help="Take answers of older code.")] = False,
) -> None:
    """Score the serving pipeline."""
    analyst = Analyst(model or shipped_model(), threads, out / "answers", any_code=any_code)
    names = frame_names(folder, only)
    if limit and limit < len(names):
        names = [names[k] for k in np.linspace(0, len(names) - 1, limit).round().astype(int)]
    campaign = run(analyst, folder, names, lambda _: None, unscaled=unscaled, rebond=rebond)
    if real is not None:
        campaign = replace(campaign, real=ask_real(analyst, real))
    analyst.close()
    table = rows(campaign)
    title = f"{analyst.members} members, digest {analyst.digest[:12]}, {len(names)} frames\n\n"
    out.mkdir(parents=True, exist_ok=True)
    (out / "scores.md").write_text(title + markdown(table))
    content = {"digest": analyst.digest, "rows": as_json(table), "frames": per_frame(campaign)}
    (out / "scores.json").write_text(json.dumps(content, indent=1, default=float) + "\n")
    typer.echo(title + markdown(table))
    for name, words in campaign.refused.items():
        typer.echo(f"refused: {name}: {words}", err=True)
    if plots is not None:
        from tests.science.scores.plots import draw_all

        draw_all(campaign, table, plots)
        write_page(campaign, analyst, table, plots)


def per_frame(campaign: Campaign) -> list[dict[str, object]]:
    """Return the figures of single frames, for whoever looks for the bad one."""
    return [
        {
            "name": one.frame.name,
            "family": one.frame.family,
            "dose": one.frame.dose_e_A2,
            "counts": one.counts(one.wide).tolist(),
            "strict": one.counts(one.strict).tolist(),
            "rms_pm": rms_pm([one], fit=False),
            "rms_fit_pm": rms_pm([one], fit=True),
            "over_bound": over_bound([one]),
            "z": spread([one], fit=False),
            "z_fit": spread([one], fit=True),
            "pixel_A": [one.frame.pixel_A, one.analysis.pixel_size_A],
            "ood": one.analysis.ood.model_dump(),
        }
        for one in (*campaign.graphene, *campaign.materials)
    ]


if __name__ == "__main__":
    typer.run(scores)
