"""`sim-dispatcher doctor`: whether this host can dispatch and compute, and what to mend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from shared.clock import SystemClock
from shared.command_line import plain_errors
from shared.errors import AtomLoopError, LevelUnavailableError
from shared.settings import load_settings
from sim_dispatcher.app import open_endpoint
from sim_dispatcher.launch.assembly import open_ledger
from sim_dispatcher.levels.registry import level_reports
from sim_dispatcher.settings import DispatcherSettings

__all__ = ["doctor"]


def doctor(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="TOML file of the settings.")
    ] = None,
) -> None:
    """Check keys, database and levels of theory; say how to mend what is wrong."""
    with plain_errors("sim-dispatcher"):
        settings = load_settings(DispatcherSettings, config)
    checks: dict[str, Callable[[DispatcherSettings], str]] = {
        "keys": _keys,
        "database": _database,
        "levels": _levels,
    }
    results = [_passes(name, check, settings) for name, check in checks.items()]
    for level in level_reports():
        typer.echo(f"     {level.name}: {level.unavailable or level.implementation}")
    if not all(results):
        raise typer.Exit(1)


def _passes(
    name: str, check: Callable[[DispatcherSettings], str], settings: DispatcherSettings
) -> bool:
    try:
        typer.echo(f"ok   {name}: {check(settings)}")
    except AtomLoopError as error:
        typer.echo(f"BAD  {name}: {error.message}\n     Remedy: {error.remedy}")
        return False
    return True


def _keys(settings: DispatcherSettings) -> str:
    endpoint = open_endpoint(settings.link)
    return f"readable, for {endpoint.address}"


def _database(settings: DispatcherSettings) -> str:
    database = settings.database
    open_ledger(database.uri, settings.launch.key_file, SystemClock(), database.name)
    return f"answers as MongoDB must, database {database.name}"


def _levels(settings: DispatcherSettings) -> str:
    here = {level.name for level in level_reports() if level.unavailable is None}
    missing = [level for level in settings.selection.levels if level not in here]
    if missing:
        raise LevelUnavailableError(
            f"selection.levels names {', '.join(missing)}, which cannot run here.",
            remedy="Install what is listed below, or choose other levels.",
        )
    return f"{', '.join(settings.selection.levels)} can run here"
