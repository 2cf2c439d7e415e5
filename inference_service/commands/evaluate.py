"""`inference-service evaluate`: score an ensemble on simulated frames of unseen families."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["evaluate"]


def evaluate(
    model: Annotated[
        Path | None, typer.Option(help="Folder of the ensemble; the shipped one if not given.")
    ] = None,
    families: Annotated[str, typer.Option(help="Families, comma-separated.")] = "",
    counts: Annotated[str, typer.Option(help="Detected electrons per C atom.")] = "100,400,1600",
    frames: Annotated[int, typer.Option(help="Frames per family and dose.")] = 6,
    side: Annotated[int, typer.Option(help="Rows and columns of a frame.")] = 512,
    threads: Annotated[int, typer.Option(help="Threads of the engine.")] = 1,
    out: Annotated[Path | None, typer.Option("--json", help="Write the table here, too.")] = None,
) -> None:
    """Score the serving pipeline on frames simulated here and now."""
    from inference_service.detector.pipeline import shipped_model
    from inference_service.training.evaluate import Trial
    from inference_service.training.evaluate import evaluate as run
    from inference_service.training.scores import Summary
    from inference_service.training.specimen import HELD_OUT

    def say(family: str, dose: float, row: Summary) -> None:
        typer.echo(
            f"{family:20s} {dose:6.0f} counts/C: F1 {row.f1:.4f} (0.5 Å) {row.f1_strict:.4f}"
            f" (0.25 Å), RMS {row.rms_pm:.1f} pm, fit {row.fit_rms_pm:.1f} pm,"
            f" Si P {_shown(row.silicon_precision)} R {_shown(row.silicon_recall)}"
        )

    trial = Trial(
        families=tuple(families.split(",")) if families else HELD_OUT,
        counts_per_carbon=tuple(float(c) for c in counts.split(",")),
        frames=frames,
        side=side,
    )
    rows = run(trial, model or shipped_model(), threads, say)
    if out is not None:
        table = [{"family": f, "counts_per_carbon": c, **asdict(s)} for f, c, s in rows]
        out.write_text(json.dumps(table, indent=2) + "\n")


def _shown(rate: float | None) -> str:
    """Write a rate, or a dash where it has no meaning."""
    return "-" if rate is None else f"{rate:.3f}"
