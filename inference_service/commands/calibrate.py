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
    presence, position = found.presence, found.position
    weights = ", ".join(f"{weight:.2f}" for weight in presence.brightness)
    typer.echo(
        f"temperature {presence.temperature:.3f}, bias {presence.bias:.3f}, "
        f"weights of the brightness {weights}\n"
        f"network alone: sigma times {position.network_scale:.2f}, "
        f"correlation with the fit {position.fit_correlation:.2f}"
    )
    for one in position.strata:
        typer.echo(
            f"where the fit states {100 * one.fit_sigma_A:.1f} pm: sigma of the fit times "
            f"{one.fit_scale:.2f}, on the sheet {one.sheet_scale:.2f}, of the network on the sheet "
            f"{one.network_scale:.2f} (follows {one.following:.2f} of a displacement, correlation "
            f"{one.sheet_correlation:.2f}), of the minimum-error position {one.best_scale:.2f}"
        )
