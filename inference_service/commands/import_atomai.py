"""`inference-service import-atomai`: make AtomAI's models servable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["import_atomai"]


def import_atomai(
    models: Annotated[
        list[Path], typer.Argument(help="Checkpoints AtomAI saved: single models or ensembles.")
    ],
    out: Annotated[Path, typer.Option(help="New folder for the servable ensemble.")],
    classes: Annotated[
        str, typer.Option(help="Element of each class in order, background left out: C,Si.")
    ] = "",
    pixel_size: Annotated[
        float,
        typer.Option("--pixel-size", help="Å per pixel of the images it was trained on."),
    ] = 0.104,
    threshold: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="Least mean probability of an atom.")
    ] = 0.5,
) -> None:
    """Import segmentation models; the first call makes AtomAI's environment (1.4 GB)."""
    from inference_service.atomai.model_folder import Naming, import_models
    from shared.command_line import plain_errors

    with plain_errors("import-atomai"):
        elements = tuple(part.strip() for part in classes.split(",") if part.strip())
        naming = Naming(elements, pixel_size, threshold)
        members = import_models(models, out, naming, typer.echo)
        typer.echo(f"{members} members in {out}: inference-service analyze --model {out} FILES…")
