"""`sim-dispatcher run`: pick defects, have them computed, send the answers back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from shared.clock import SystemClock
from shared.command_line import plain_errors
from shared.logs import configure_logs
from shared.settings import load_settings
from sim_dispatcher.app import dispatch
from sim_dispatcher.settings import DispatcherSettings

__all__ = ["run"]


def run(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="TOML file; see `sim-dispatcher config`.")
    ] = None,
) -> None:
    """Pick defects from the live atoms, queue their jobs, report every state, until Ctrl-C.

    Jobs are computed by `sim-dispatcher launch`, on this host or another.
    """
    with plain_errors("sim-dispatcher"):
        settings = load_settings(DispatcherSettings, config)
        configure_logs(settings.log)
        asyncio.run(dispatch(settings, SystemClock()))
