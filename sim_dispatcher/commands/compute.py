"""`sim-dispatcher compute`: a recipe on one structure file, without any server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.command_line import plain_errors
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from sim_dispatcher.recipes import Computed, Progress

__all__ = ["compute", "report"]


def compute(
    structure: Annotated[Path, typer.Argument(help="XYZ, extended XYZ, CIF or POSCAR file.")],
    recipe: Annotated[str, typer.Option(help="What to compute: relax, formation, …")],
    json_path: Annotated[Path, typer.Option("--json", help="Where the answer goes; - = stdout.")],
    level: Annotated[str, typer.Option(help="Level of theory: gfnff, gfn1, gfn2.")] = "gfn1",
    fmax: Annotated[float, typer.Option(min=1e-4, help="Force criterion, eV/Å.")] = 0.05,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the engine.")] = 1,
) -> None:
    """Compute a recipe on one structure file and write the answer as JSON."""
    with plain_errors("sim-dispatcher compute"):
        _check_target(json_path)
        answer = _compute(structure, recipe, level, fmax, threads)
        _write(json_path, json.dumps(answer, indent=2, allow_nan=False))


def report(computed: Computed) -> dict[str, object]:
    """Return an answer as `compute` writes it: the result's fields and the structure's text."""
    return computed.result.model_dump(mode="json") | {"structure": computed.cluster.extxyz()}


def _compute(
    structure: Path, recipe: str, level: str, fmax: float, threads: int
) -> dict[str, object]:
    from sim_dispatcher.levels import choose_level
    from sim_dispatcher.recipes import Options, run_recipe
    from sim_dispatcher.structure import read_cluster

    cluster = read_cluster(structure)
    chosen = choose_level(level)
    options = Options(fmax_eV_A=fmax, threads=threads)
    computed = run_recipe(cluster, recipe, chosen, options, _tell)
    for note in computed.cluster.notes:
        typer.echo(f"note: {note}", err=True)
    return report(computed)


def _tell(progress: Progress) -> None:
    typer.echo(
        f"{progress.stage}: step {progress.step:3d}  {progress.energy_eV:.4f} eV"
        f"  {progress.fmax_eV_A:.3f} eV/Å",
        err=True,
    )


def _check_target(path: Path) -> None:
    """Refuse a file that cannot be made, before rather than after the calculation."""
    if str(path) != "-" and not path.parent.is_dir():
        raise ConfigurationError(
            f"The answer cannot be written to {path}: its folder does not exist.",
            remedy="Give --json a file in a folder that exists.",
        )


def _write(path: Path, text: str) -> None:
    if str(path) == "-":
        typer.echo(text)
        return
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"The answer cannot be written to {path}: {error.strerror}.",
            remedy="Give --json a file in a folder that exists and that you may write to.",
        ) from error
