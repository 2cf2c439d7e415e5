"""`sim-dispatcher doctor`: whether this host can dispatch and compute, and what to mend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shared.checks import examine, show
from shared.clock import SystemClock
from shared.command_line import plain_errors
from shared.errors import LevelUnavailableError
from shared.settings import load_settings
from shared.transport import open_endpoint
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
    findings = examine(
        {
            "keys": lambda: _keys(settings),
            "database": lambda: _database(settings),
            "levels": lambda: _levels(settings),
        }
    )
    show(findings)
    for level in level_reports():
        typer.echo(f"     {level.name}: {level.unavailable or level.implementation}")
    if not all(finding.well for finding in findings):
        raise typer.Exit(1)


def _keys(settings: DispatcherSettings) -> str:
    endpoint = open_endpoint(settings.link, "sim-dispatcher")
    return f"readable, for {endpoint.address}"


def _database(settings: DispatcherSettings) -> str:
    database = settings.database
    open_ledger(database.uri, settings.launch.key_file, SystemClock(), database.name)
    return f"answers as MongoDB must, database {database.name}"


def _levels(settings: DispatcherSettings) -> str:
    here = {level.name for level in level_reports() if level.unavailable is None}
    ladder = settings.ladder
    wanted = ladder.levels if ladder.high is None else (*ladder.levels, ladder.high)
    missing = [level for level in wanted if level not in here and level not in ladder.elsewhere]
    if missing:
        raise LevelUnavailableError(
            f"The settings of the ladder name {', '.join(missing)}, which cannot run here.",
            remedy="Install what is listed below, choose other levels, or name those that other"
            " hosts run in ladder.elsewhere.",
        )
    return f"{', '.join(wanted)} can run here or elsewhere"
