"""`sim-dispatcher config`: the settings in force."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from shared.command_line import plain_errors
from shared.listing import listing
from shared.settings import load_settings
from sim_dispatcher.settings import DispatcherSettings

__all__ = ["config"]


def config(
    file: Annotated[
        Path | None, typer.Option("--config", "-c", help="TOML file to read first.")
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema.")] = False,
) -> None:
    """Print the settings in force as TOML: defaults, file and environment together."""
    with plain_errors("sim-dispatcher"):
        settings = load_settings(DispatcherSettings, file)
    if schema:
        typer.echo(json.dumps(DispatcherSettings.model_json_schema(), indent=2, ensure_ascii=False))
    else:
        typer.echo(listing(settings), nl=False)
