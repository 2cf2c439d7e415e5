"""`sim-dispatcher build`: from the atoms of an analysed image to a structure file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.command_line import plain_errors
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim_dispatcher.recipes.selective import Mask
    from sim_dispatcher.structure import Cluster
    from sim_dispatcher.structure.analysis_file import AnalysedFrame

__all__ = ["build"]

ENDINGS = {".extxyz": "extxyz", ".xyz": "extxyz", ".cif": "cif", ".vasp": "poscar"}


def build(
    analysis: Annotated[Path, typer.Argument(help="JSON that `inference-service analyze` wrote.")],
    out: Annotated[Path, typer.Option(help="File to write: .extxyz, .cif or .vasp (POSCAR).")],
    of: Annotated[str, typer.Option(help="Number of a defect, a place x,y in Å, or: frame.")] = "0",
    image: Annotated[str | None, typer.Option(help="Which image, of several.")] = None,
    radius: Annotated[float, typer.Option(min=1, help="Of the cut, Å.")] = 8.99,
    preset: Annotated[str, typer.Option(help="default or paper (all caps, 25.786 Å cube).")] = (
        "default"
    ),
    cell: Annotated[
        str | None,
        typer.Option(help="A periodic cell: rectangular, centred, square, hexagonal, oblique."),
    ] = None,
    edge: Annotated[float, typer.Option(min=4, help="Least width of that cell, Å.")] = 20.0,
    hold: Annotated[str, typer.Option(help="none, perimeter (a), xy (b) or hydrogen (c).")] = (
        "none"
    ),
) -> None:
    """Build a structure from detected atoms: a capped cut, a periodic cell, or the whole frame."""
    from sim_dispatcher.structure import exported
    from sim_dispatcher.structure.analysis_file import read_analysis

    with plain_errors("sim-dispatcher build"):
        form = _form(out)
        frame = read_analysis(analysis, image)
        cluster = _built(frame, of, (radius, preset), (cell, edge))
        text = exported(cluster, form, _free(cluster, hold))
        for note in cluster.notes:
            typer.echo(f"note: {note}", err=True)
        _write(out, text)
    typer.echo(f"{out}: {len(cluster)} atoms, {cluster.unpaired} unpaired")


def _built(
    frame: AnalysedFrame, of: str, cut: tuple[float, str], cell: tuple[str | None, float]
) -> Cluster:
    from sim_dispatcher.structure import PAPER, CutRules, build_cluster, build_frame, periodic_cell
    from sim_dispatcher.structure.supercell import BRAVAIS

    radius_A, preset = cut
    presets = {"default": CutRules(), "paper": PAPER}
    if preset not in presets:
        raise _unknown("preset", preset, presets)
    rules = presets[preset]
    if of == "frame":
        return build_frame(frame.atoms, rules)
    place_A = _place(frame, of)
    name, edge_A = cell
    if name is None:
        return build_cluster(frame.atoms, place_A, radius_A, rules)
    lattices = {str(lattice): lattice for lattice in BRAVAIS}
    if name not in lattices:
        raise _unknown("cell", name, lattices)
    return periodic_cell(frame.atoms, place_A, edge_A, lattices[name], rules)


def _place(frame: AnalysedFrame, of: str) -> tuple[float, float]:
    """Return the place asked for, Å: that of a defect, or as it was named."""
    try:
        if "," in of:
            x, y = of.split(",")
            return float(x), float(y)
        return frame.places_A[int(of)]
    except (ValueError, IndexError) as error:
        listed = "; ".join(f"{k}: {what}" for k, what in enumerate(frame.defects[:12]))
        raise ConfigurationError(
            f"--of {of} is neither a defect of {frame.name}, nor a place, nor `frame`.",
            remedy=f"Give x,y in Å, or one of: {listed or 'no defects were found'}.",
        ) from error


def _free(cluster: Cluster, hold: str) -> Mask | None:
    """Return what may move, None for everything."""
    from sim_dispatcher.recipes.selective import hydrogen_fixed, only_z_free, perimeter_fixed

    masks = {"perimeter": perimeter_fixed, "xy": only_z_free, "hydrogen": hydrogen_fixed}
    if hold == "none":
        return None
    if hold not in masks:
        raise _unknown("hold", hold, ("none", *masks))
    return masks[hold](cluster)


def _form(out: Path) -> str:
    if out.name == "POSCAR":
        return "poscar"
    if out.suffix not in ENDINGS:
        raise _unknown("out", out.suffix or out.name, (*ENDINGS, "POSCAR"))
    return ENDINGS[out.suffix]


def _unknown(option: str, value: str, known: Iterable[str]) -> ConfigurationError:
    return ConfigurationError(
        f"--{option} {value!r} is unknown.", remedy=f"Choose one of {', '.join(known)}."
    )


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"The structure cannot be written to {path}: {error.strerror}.",
            remedy="Give --out a file in a folder that exists and that you may write to.",
        ) from error
