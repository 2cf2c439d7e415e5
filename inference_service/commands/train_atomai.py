"""`inference-service train-atomai`: train an ensemble with AtomAI from labelled frames."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["train_atomai"]


def train_atomai(
    labelled: Annotated[
        list[Path], typer.Argument(help="Labelled frames, or folders of them, from `label`.")
    ],
    out: Annotated[Path, typer.Option(help="New folder for the servable ensemble.")],
    members: Annotated[int, typer.Option(min=1, max=200, help="Networks to train.")] = 20,
    cycles: Annotated[int, typer.Option(min=1, help="Mini-batches per network.")] = 2000,
    crops: Annotated[int, typer.Option(min=2, help="Crops to cut, in all.")] = 4500,
    crop: Annotated[int, typer.Option(help="Side of a crop, px.")] = 256,
    batch: Annotated[int, typer.Option(min=1, help="Crops per mini-batch.")] = 32,
    layers: Annotated[
        str, typer.Option(help="Convolutions per block of the U-Net, downwards.")
    ] = "2,3,3,4",
    threads: Annotated[int, typer.Option(min=1, help="Threads to compute with.")] = 1,
) -> None:
    """Cut crops, train with AtomAI's EnsembleTrainer, import what comes out."""
    from inference_service.atomai.crops import Cutting
    from inference_service.atomai.ensemble_training import Training, train_ensemble
    from shared.command_line import plain_errors
    from shared.errors import ConfigurationError

    with plain_errors("train-atomai"):
        try:
            blocks = tuple(int(part) for part in layers.split(","))
        except ValueError as error:
            raise ConfigurationError(
                f"--layers {layers} are no numbers.", remedy="Write four, such as 1,2,2,3."
            ) from error
        how = Training(members, cycles, batch, blocks, Cutting(crop, crops), threads)
        trained = train_ensemble(labelled, out, how, typer.echo)
        typer.echo(f"{trained} members in {out}: inference-service analyze --model {out} FILES…")
