"""`inference-service train`: simulate frames and train the ensemble from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inference_service.training.recipe import Recipe
from shared.errors import ConfigurationError, MissingDependencyError

__all__ = ["train"]


def train(
    out: Annotated[Path, typer.Option(help="Folder of the ensemble.")],
    members: Annotated[str, typer.Option(help="Numbers of the members, such as 7-12.")] = "1-20",
    steps: Annotated[int, typer.Option(help="Optimiser steps per member.")] = Recipe().steps,
    seed: Annotated[int, typer.Option(help="Seed of the run.")] = 1,
    work: Annotated[Path, typer.Option(help="Folder of frames and checkpoints.")] = Path(
        "build/training"
    ),
    shards: Annotated[
        int, typer.Option(help="Shards of 50 frames of the first phase.")
    ] = Recipe().pool_shards,
    width: Annotated[int, typer.Option(help="Channels of the body.")] = Recipe().width,
    workers: Annotated[int, typer.Option(help="Processes that simulate frames.")] = 1,
    resume: Annotated[bool, typer.Option(help="Take up checkpoints found.")] = True,
) -> None:
    """Train members of the ensemble; each is exported to ONNX as it ends."""
    try:
        from inference_service.training.run import (
            TrainingRun,
            parse_members,
            run_training,
        )
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"Training needs the package {error.name}.", remedy="pip install 'atomloop[train]'"
        ) from error
    try:
        numbers = parse_members(members)
    except ValueError as error:
        raise ConfigurationError(
            f"--members {members} names no members.", remedy="Write 3, 1-20 or 1-4,9."
        ) from error
    recipe = Recipe(width=width, steps=steps, pool_shards=shards)
    run_training(TrainingRun(numbers, out, work, seed, recipe, resume, workers), typer.echo)
