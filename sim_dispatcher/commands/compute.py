"""`sim-dispatcher compute`: a recipe on one structure file, without any server."""

from __future__ import annotations

import dataclasses
import json
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

import typer

from shared.command_line import plain_errors
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from sim_dispatcher.levels import Level
    from sim_dispatcher.recipes import Computed, Options, Progress
    from sim_dispatcher.recipes.registration import Measured
    from sim_dispatcher.structure import Cluster

__all__ = ["UNFINISHED", "compute", "report"]

UNFINISHED: Final = 75
"""Exit code where the time was up and a checkpoint was left (EX_TEMPFAIL of sysexits.h)."""

WITH_BAR: Final = ("relax", "formation")
"""Recipes whose energy can have an error bar."""

Site: TypeAlias = Literal["hollow", "bridge", "top"]
Fmax: TypeAlias = Annotated[float, typer.Option(min=1e-4, help="Force criterion, eV/Å.")]
Steps: TypeAlias = Annotated[int, typer.Option(min=1, help="Optimiser steps before giving up.")]
Threads: TypeAlias = Annotated[int, typer.Option(min=1, help="Threads of the engine.")]
Kelvin: TypeAlias = Annotated[
    float, typer.Option(min=1, max=10_000, help="md: temperature of the thermostat, K.")
]
Duration: TypeAlias = Annotated[
    float, typer.Option(min=0.01, max=1e7, help="md: length of the trajectory, fs.")
]
Timestep: TypeAlias = Annotated[
    float, typer.Option(min=0.01, max=10, help="md: step of the integrator, fs.")
]
Seed: TypeAlias = Annotated[int, typer.Option(min=0, help="md: draw of the first velocities.")]
Adsorbate: TypeAlias = Annotated[
    str, typer.Option(help="adsorb: element or molecule, as Cr, CH, CH2, CH3, CO.")
]
Place: TypeAlias = Annotated[Site, typer.Option(help="adsorb: where it starts.")]
Images: TypeAlias = Annotated[
    int, typer.Option(min=3, max=31, help="neb: images of the band, ends included; 5 or more.")
]
Patch: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="image: npz file with `image` (counts), `pixel_size_A` and `origin_A` (x, y of the"
        " first pixel) to compare with."
    ),
]
Wall: TypeAlias = Annotated[
    float | None, typer.Option(min=0.1, help="Stop at a checkpoint before so much wall time, s.")
]
CheckpointFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="File that keeps unfinished work; where it is there, the same calculation goes on"
        " from it. SIGUSR1 and SIGTERM then stop at a checkpoint."
    ),
]
ErrorBar: TypeAlias = Annotated[
    bool,
    typer.Option(
        help="relax, formation: the parts of an error bar, too, which takes several times as long."
    ),
]
Files: TypeAlias = Annotated[
    Path | None, typer.Option(help="Folder for trajectories, pictures and notes; made if needed.")
]


def compute(
    structure: Annotated[Path, typer.Argument(help="XYZ, extended XYZ, CIF or POSCAR file.")],
    recipe: Annotated[str, typer.Option(help="What to compute: one of the recipes above.")],
    json_path: Annotated[Path, typer.Option("--json", help="Where the answer goes; - = stdout.")],
    level: Annotated[
        str, typer.Option(help="Level of theory: gfnff, gfn1, gfn2, pyscf, …; see `doctor`.")
    ] = "gfn1",
    fmax: Fmax = 0.05,
    max_steps: Steps = 300,
    threads: Threads = 1,
    temperature: Kelvin = 300.0,
    duration: Duration = 2000.0,
    timestep: Timestep = 1.0,
    seed: Seed = 0,
    adsorbate: Adsorbate = "Cr",
    site: Place = "hollow",
    images: Images = 7,
    patch: Patch = None,
    error_bar: ErrorBar = False,
    max_wall: Wall = None,
    checkpoint: CheckpointFile = None,
    files: Files = None,
) -> None:
    """Compute a recipe on one structure file and write the answer as JSON.

    \b
    single_point      energy and forces as it is
    relax             all atoms; formation energy where one is defined
    relax_perimeter   (a) rim and its hydrogen held
    relax_z           (b) x and y held
    relax_h           (c) hydrogen held
    formation         as relax; refused where no formation energy is defined
    md                relax, then Nosé-Hoover dynamics at --temperature
    adsorb            --adsorbate on a --site near the middle: binding energy
    neb               barrier of turning the bond nearest to the middle by 90°
    image             relax, then the image a dark-field microscope would show

    md, adsorb and neb let bonds form and break: not at gfnff. Exit code 75: the time was up, and
    the same command goes on from its --checkpoint.
    """  # noqa: D301 - \b keeps the table's lines in typer's help
    asked = {
        "fmax_eV_A": fmax, "max_steps": max_steps, "temperature_K": temperature,
        "duration_fs": duration, "timestep_fs": timestep, "seed": seed, "adsorbate": adsorbate,
        "site": site, "images": images, "max_wall_s": max_wall,
    }  # fmt: skip
    with plain_errors("sim-dispatcher compute"):
        _check_target(json_path)
        options = _options(asked, threads, checkpoint, patch)
        computed = _compute(structure, recipe, level, options, bar=error_bar)
        if files is not None:
            _write_files(files, computed)
        _write(json_path, json.dumps(report(computed), indent=2, allow_nan=False))


def report(computed: Computed) -> dict[str, object]:
    """Return an answer as `compute` writes it.

    The result's fields, the structure's text, and what made it: software, settings, notes, names
    of the files.
    """
    return computed.result.model_dump(mode="json") | {
        "structure": computed.cluster.extxyz(),
        "software": computed.software,
        "settings": computed.settings,
        "notes": list(computed.cluster.notes),
        "files": [file.name for file in computed.files],
    }


def _options(
    asked: dict[str, Any], threads: int, checkpoint: Path | None, patch: Path | None
) -> Options:
    from pydantic import ValidationError

    from shared.messages.simulation import RecipeOptions
    from sim_dispatcher.recipes import Options

    try:
        wanted = RecipeOptions.model_validate(asked)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(
            f"--{str(first['loc'][0]).split('_')[0]} is {first['input']!r}: {first['msg']}.",
            remedy="See `sim-dispatcher compute --help` for what each option takes.",
        ) from None
    options = Options.of(wanted, threads=threads, checkpoint=checkpoint)
    if checkpoint is not None:
        _stop_when_told(options.stop)
    return options if patch is None else dataclasses.replace(options, patch=_read_patch(patch))


def _stop_when_told(stop: threading.Event) -> None:
    for number in (signal.SIGUSR1, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())


def _read_patch(path: Path) -> Measured:
    import numpy as np

    from sim_dispatcher.recipes.micrograph import Grid
    from sim_dispatcher.recipes.registration import Measured

    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            image = np.asarray(stored["image"], dtype=np.float64)
            pixel_size_A = float(stored["pixel_size_A"])
            x_A, y_A = (float(value) for value in stored["origin_A"])
        rows, columns = image.shape
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"{path} is no measured patch: {error}.",
            remedy="Give an npz file with `image` (rows, columns), `pixel_size_A` and `origin_A`.",
        ) from error
    return Measured(image, Grid((rows, columns), pixel_size_A, (x_A, y_A)))


def _compute(structure: Path, recipe: str, level: str, options: Options, *, bar: bool) -> Computed:
    from sim_dispatcher.levels import choose_level
    from sim_dispatcher.recipes import UnfinishedError, run_recipe
    from sim_dispatcher.structure import read_cluster

    if bar and recipe not in WITH_BAR:
        raise ConfigurationError(
            f"Recipe {recipe} has no error bar.",
            remedy=f"Leave --error-bar out, or choose one of {', '.join(WITH_BAR)}.",
        )
    cluster = read_cluster(structure)
    chosen = choose_level(level, periodic=cluster.lattice_A is not None)
    try:
        if bar:
            computed = _with_bar(cluster, recipe, chosen, options)
        else:
            computed = run_recipe(cluster, recipe, chosen, options, _tell)
    except UnfinishedError as error:
        typer.echo(f"sim-dispatcher compute: {error}", err=True)
        raise typer.Exit(UNFINISHED) from error
    for note in computed.cluster.notes:
        typer.echo(f"note: {note}", err=True)
    return computed


def _with_bar(cluster: Cluster, recipe: str, level: Level, options: Options) -> Computed:
    from sim_dispatcher.uncertainty import compute_error_bar

    computed = compute_error_bar(cluster, (), level, options, _tell)
    named = computed.result.model_copy(update={"recipe": recipe})
    return dataclasses.replace(computed, result=named)


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


def _write_files(folder: Path, computed: Computed) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in computed.files:
            (folder / file.name).write_bytes(file.content)
    except OSError as error:
        raise ConfigurationError(
            f"The files cannot be written to {folder}: {error.strerror}.",
            remedy="Give --files a folder that you may write to.",
        ) from error


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
