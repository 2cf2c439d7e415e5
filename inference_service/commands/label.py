"""`inference-service label`: raw frames to labelled ones, by intensity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["label"]


def label(
    frames: Annotated[list[Path], typer.Argument(help="Image files to label.")],
    out: Annotated[Path, typer.Option(help="Folder of the labelled frames.")],
    classes: Annotated[
        str, typer.Option(help="Elements from faint to bright, comma-separated.")
    ] = "C,Si",
    pixel_size: Annotated[
        float | None, typer.Option("--pixel-size", help="Edge of a pixel, Å.")
    ] = None,
    radius: Annotated[float, typer.Option(min=0.1, max=0.7, help="Of an atom's disc, Å.")] = 0.42,
    window: Annotated[
        int, typer.Option(min=1, max=15, help="Side of the square of an intensity, px; odd.")
    ] = 5,
) -> None:
    """Find bright points, tell the classes apart by a Gaussian mixture and paint the masks."""
    from inference_service.atomai.labelling import Labelling
    from inference_service.atomai.raw_frames import label_files
    from shared.command_line import plain_errors
    from shared.errors import ConfigurationError

    with plain_errors("label"):
        elements = tuple(part.strip() for part in classes.split(",") if part.strip())
        if not elements or window % 2 == 0:
            raise ConfigurationError(
                f"--classes {classes!r} --window {window} cannot be used.",
                remedy="Name elements such as C,Si and an odd window.",
            )
        how = Labelling(elements, window, radius)
        summary = label_files(frames, out, how, pixel_size)
        (out / "labels.json").write_text(json.dumps(summary, indent=2) + "\n")
        for name, reason in summary["refused"].items():
            typer.echo(f"{name}: {reason}", err=True)
        for warning in summary["warnings"]:
            typer.echo(f"warning: {warning}", err=True)
        counts = ", ".join(f"{n} {element}" for element, n in summary["atoms"].items())
        typer.echo(f"{len(summary['frames'])} frames in {out}: {counts}.")
    if summary["refused"]:
        raise typer.Exit(1)
