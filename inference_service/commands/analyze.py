"""`inference-service analyze`: atoms and defects of image files, without any server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inference_service.detector.engines.names import EngineWish
from shared.errors import AtomLoopError, ConfigurationError

__all__ = ["analyze"]


def analyze(
    files: Annotated[list[Path], typer.Argument(help="Image files to analyse.")],
    json_out: Annotated[Path, typer.Option("--json", help="Where to write the result.")],
    pixel_size: Annotated[
        float | None,
        typer.Option("--pixel-size", help="Edge of a pixel, Å; contradicted, never overruled."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads to compute with.")] = 2,
    model: Annotated[Path | None, typer.Option(help="Folder of another ensemble.")] = None,
    engine: Annotated[
        EngineWish, typer.Option(help="auto: the fastest installed one that is accurate here.")
    ] = "auto",
) -> None:
    """Find atoms, species and defects in image files; exit 1 if any file failed."""
    from inference_service.commands.analysis_run import analyze_files, write_json
    from inference_service.detector.engine_choice.opening import EnginePolicy
    from inference_service.detector.pipeline import Detector, shipped_model

    try:
        check_pixel_size(pixel_size)
        policy = EnginePolicy(engine)
        detector = Detector(model or shipped_model(), threads, policy=policy)
        outcome = analyze_files(detector, files, pixel_size)
        write_json(json_out, detector, outcome)
    except AtomLoopError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    for name, entry in outcome.errors.items():
        typer.echo(f"{name}: {entry['message']} Remedy: {entry['remedy']}", err=True)
    typer.echo(f"{len(outcome.frames)} frames, {len(outcome.errors)} errors, in {json_out}.")
    if outcome.errors:
        raise typer.Exit(1)


def check_pixel_size(pixel_size_A: float | None) -> None:
    """Refuse a flag that is no pixel size of an atomically resolved image.

    Raises:
        ConfigurationError: Not a number within 0.001 .. 100 Å.
    """
    if pixel_size_A is not None and not 0.001 < pixel_size_A < 100:
        raise ConfigurationError(
            f"--pixel-size {pixel_size_A} is not a pixel size.",
            remedy="State the edge of a pixel in Å, such as 0.104.",
        )
