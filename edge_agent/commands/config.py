"""`edge-agent config`: the settings in force."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from edge_agent.arguments import Config
from edge_agent.settings import EdgeSettings
from shared.command_line import plain_errors
from shared.listing import listing
from shared.settings import load_settings

__all__ = ["config"]


def config(
    file: Config = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema instead.")
    ] = False,
) -> None:
    """Print the settings in force as TOML: defaults, file and environment together."""
    with plain_errors("edge-agent"):
        settings = load_settings(EdgeSettings, file)
    if schema:
        typer.echo(json.dumps(EdgeSettings.model_json_schema(), indent=2, ensure_ascii=False))
    else:
        typer.echo(listing(settings), nl=False)
