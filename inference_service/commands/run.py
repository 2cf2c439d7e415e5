"""`inference-service run`: serve the live loop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from inference_service.app import serve
from inference_service.settings import InferenceSettings
from shared.clock import SystemClock
from shared.command_line import plain_errors
from shared.logs import configure_logs
from shared.settings import load_settings

__all__ = ["run"]


def run(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="TOML file; see `inference-service config`."),
    ] = None,
) -> None:
    """Listen for edges and dispatchers, find atoms, serve REST and the dashboard, until Ctrl-C.

    Prints the dashboard's address with a key that admits one browser, once.
    """
    with plain_errors("inference-service"):
        settings = load_settings(InferenceSettings, config)
        configure_logs(settings.log)
        asyncio.run(serve(settings, SystemClock(), typer.echo))
