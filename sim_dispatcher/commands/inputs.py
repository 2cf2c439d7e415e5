"""`sim-dispatcher inputs`: the input files of VASP, DFTB+, Quantum ESPRESSO or GPAW."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shared.command_line import plain_errors
from shared.errors import ConfigurationError

__all__ = ["inputs"]


def inputs(
    structure: Annotated[Path, typer.Argument(help="XYZ, extended XYZ, CIF or POSCAR file.")],
    folder: Annotated[Path, typer.Option(help="Where the files go; made where it is missing.")],
    recipe: Annotated[str, typer.Option(help="relax, relax_perimeter, md, …")] = "relax",
    level: Annotated[str, typer.Option(help="vasp, dftb, qe or gpaw.")] = "vasp",
    preset: Annotated[str, typer.Option(help="paper (2x2x2, 1e-3 eV/Å) or gamma.")] = "paper",
    temperature: Annotated[float, typer.Option(min=1, help="Of the thermostat, K.")] = 300.0,
    steps: Annotated[int, typer.Option(min=1, help="Most steps of a relaxation.")] = 300,
) -> None:
    """Write the input files of a program for a recipe on one structure, without running it."""
    from shared.messages.simulation import RecipeOptions
    from sim_dispatcher.inputs import input_set
    from sim_dispatcher.structure import read_cluster

    with plain_errors("sim-dispatcher inputs"):
        options = RecipeOptions(temperature_K=temperature, max_steps=steps)
        files = input_set(read_cluster(structure), recipe, options, level, preset)
        _write(folder, files)
    typer.echo(f"{folder}: {', '.join(sorted(files))}")


def _write(folder: Path, files: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"The input files cannot be written to {folder}: {error.strerror}.",
            remedy="Give --folder a place that you may write to.",
        ) from error
