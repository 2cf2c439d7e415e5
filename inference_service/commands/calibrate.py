"""`inference-service calibrate`: make an ensemble's probabilities and sigmas honest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["calibrate"]


def calibrate(
    model: Annotated[Path, typer.Argument(help="Folder of the ensemble; its manifest changes.")],
    frames: Annotated[int, typer.Option(help="Frames to simulate.")] = 60,
    threads: Annotated[int, typer.Option(help="Threads of engine and fit.")] = 1,
) -> None:
    """Measure the calibration on fresh simulated frames and write it into the manifest."""
    from inference_service.training.calibration import (
        calibrate as measure,
    )
    from inference_service.training.calibration import (
        write_calibration,
    )

    found = measure(model, frames, threads)
    write_calibration(model, found)
    typer.echo(
        f"temperature {found.temperature:.3f}, bias {found.bias:.3f}, "
        f"sigma scale {found.sigma_scale:.3f}, correlation with the fit {found.fit_correlation:.3f}"
    )
