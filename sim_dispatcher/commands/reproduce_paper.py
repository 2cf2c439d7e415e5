"""`sim-dispatcher reproduce-paper`: the paper's programme, its tables beside ours."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from shared.command_line import plain_errors
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from sim_dispatcher.paper import Case, Patch, Preset, Seen, Setting, Standing, Store
    from sim_dispatcher.paper.programme import Topic

__all__ = ["reproduce_paper"]

FAILED: Final = 1
"""Exit code where a case has no result; the tables say why."""

STOPPED: Final = 130
"""Exit code after Ctrl-C, a walltime, or SIGTERM: the same command goes on."""


def reproduce_paper(
    folder: Annotated[Path, typer.Option(help="Keeps every finished case; made if missing.")],
    level: Annotated[str, typer.Option(help="Level of theory; must let bonds react.")] = "gfn1",
    preset: Annotated[
        str, typer.Option(help="short, or paper (2 ps, all temperatures).")
    ] = "short",
    only: Annotated[str | None, typer.Option(help="Tables: bonds,errors,rings,cr,chx.")] = None,
    atoms: Annotated[
        Path | None, typer.Option(help="Your own `inference-service analyze` JSON.")
    ] = None,
    frame: Annotated[
        str | None, typer.Option(help="Which frame of it, where it has several.")
    ] = None,
    near: Annotated[str | None, typer.Option(help="Patch about this place: X,Y in Å.")] = None,
    carbon: Annotated[int, typer.Option(min=10, help="Carbon atoms of the patch.")] = 91,
    case: Annotated[int | None, typer.Option(min=1, help="Compute this case alone.")] = None,
    list_cases: Annotated[bool, typer.Option("--list", help="List the cases and stop.")] = False,
    max_wall: Annotated[float | None, typer.Option(help="Stop at a checkpoint after, s.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the engine.")] = 1,
) -> None:
    """Compute what is missing in the folder, and print the paper's tables beside ours.

    Start again with the same words to go on where it stopped. The folder takes tables.md,
    tables.json and coordinates.csv.
    """
    with plain_errors("sim-dispatcher reproduce-paper"):
        from sim_dispatcher.paper import cases, chosen_topics, cut_patch, find_preset

        topics, chosen = chosen_topics(only), find_preset(preset)
        rows = cases(chosen, topics)
        if list_cases:
            _list(rows)
            return
        setting = _setting(level, threads, max_wall)
        seen = _seen(atoms, frame)
        patch = cut_patch(seen, _place(near), carbon)
        store = _store(folder, chosen, level, seen, patch)
        code = _compute(patch, store, setting, rows, _picked(rows, case))
        _print(chosen, level, patch, store, topics)
        if code:
            raise typer.Exit(code)


def _setting(level: str, threads: int, max_wall: float | None) -> Setting:
    from sim_dispatcher.levels import choose_level
    from sim_dispatcher.paper import Setting

    chosen = choose_level(level)
    if not chosen.can_react:
        raise ConfigurationError(
            f"Level {level} keeps every bond; the paper's programme breaks and forms some.",
            remedy="Use --level gfn1 or another that lets bonds react.",
        )
    return Setting(chosen, threads, max_wall, _stop_signal())


def _stop_signal() -> threading.Event:
    """Return an event that Ctrl-C, SIGTERM or Slurm's warning sets; the second ends at once."""
    stop = threading.Event()

    def ask(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, ask)
    return stop


def _seen(atoms: Path | None, frame: str | None) -> Seen:
    from sim_dispatcher.paper import read_analysis, shipped_analysis

    return shipped_analysis() if atoms is None else read_analysis(atoms, frame)


def _place(near: str | None) -> tuple[float, float] | None:
    if near is None:
        return None
    try:
        x, y = (float(word) for word in near.split(","))
    except ValueError as error:
        raise ConfigurationError(
            f"--near {near!r} is no place.", remedy="Give x,y in Å from the frame's corner."
        ) from error
    return x, y


def _picked(rows: tuple[Case, ...], number: int | None) -> tuple[Case, ...]:
    if number is None:
        return rows
    if number > len(rows):
        raise ConfigurationError(
            f"There is no case {number}; the programme has {len(rows)}.",
            remedy="See --list for their numbers.",
        )
    return (rows[number - 1],)


def _store(folder: Path, preset: Preset, level: str, seen: Seen, patch: Patch) -> Store:
    from sim_dispatcher.paper import Label, Store

    label = Label(
        preset=preset.name,
        level=level,
        analysis=seen.digest,
        patch=patch.cluster.digest,
        note=patch.note,
    )
    return Store(folder, label)


def _compute(
    patch: Patch, store: Store, setting: Setting, rows: tuple[Case, ...], wanted: tuple[Case, ...]
) -> int:
    """Compute; return the exit code: 0, `FAILED` or `STOPPED`."""
    from sim_dispatcher.paper import Campaign
    from sim_dispatcher.recipes import UnfinishedError

    try:
        missing = Campaign(patch.cluster, store, setting, _tell).run(rows, wanted)
    except UnfinishedError as error:
        typer.echo(f"stopped: {error.message}", err=True)
        return STOPPED
    except KeyboardInterrupt:
        typer.echo("stopped: the case under way goes on from its last checkpoint", err=True)
        return STOPPED
    return FAILED if missing else 0


def _print(
    preset: Preset, level: str, patch: Patch, store: Store, topics: tuple[Topic, ...]
) -> None:
    """Write the tables to the folder and to standard output."""
    from sim_dispatcher.paper import as_json, as_markdown, as_text, cases, make_tables
    from sim_dispatcher.paper.coordinates import compare_coordinates
    from sim_dispatcher.paper.findings import gather

    findings = gather(preset, level, patch, store, cases(preset, topics))
    tables = make_tables(findings, topics)
    store.write("tables.md", as_markdown(tables))
    store.write("tables.json", json.dumps(as_json(tables), indent=2, ensure_ascii=False) + "\n")
    if "relax" in findings.done:
        errors = compare_coordinates(patch, findings.done["relax"].cluster)
        store.write("coordinates.csv", errors.csv("corner of the cube"))
    typer.echo(as_text(tables))


def _list(rows: tuple[Case, ...]) -> None:
    for number, case in enumerate(rows, 1):
        typer.echo(f"{number:3d}  {case.name:24s}  from {case.start}")


def _tell(standing: Standing) -> None:
    left = "" if standing.left_s is None else f"  about {_duration(standing.left_s)} left"
    words = f": {standing.words}" if standing.words else ""
    place = f"[{standing.number}/{standing.of}]"
    typer.echo(f"{place} {standing.case.name} {standing.what}{words}{left}", err=True)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
