"""`inference-service config`: the settings in force."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from inference_service.settings import InferenceSettings
from shared.command_line import plain_errors
from shared.listing import listing
from shared.settings import load_settings

__all__ = ["config"]


def config(
    file: Annotated[
        Path | None, typer.Option("--config", "-c", help="TOML file to read first.")
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema instead.")
    ] = False,
) -> None:
    """Print the settings in force as TOML: defaults, file and environment together."""
    with plain_errors("inference-service"):
        settings = load_settings(InferenceSettings, file)
    if schema:
        typer.echo(json.dumps(InferenceSettings.model_json_schema(), indent=2, ensure_ascii=False))
    else:
        typer.echo(listing(settings), nl=False)
