"""`sim-dispatcher database`: serve the embedded database until told to stop."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import structlog
import typer

from shared.command_line import plain_errors
from shared.logs import configure_logs
from shared.settings import LogSettings
from sim_dispatcher.database.hosting import Host

__all__ = ["database"]

log = structlog.get_logger(__name__)


def database(
    path: Annotated[Path, typer.Option(help="Folder of the data; made where it is missing.")],
    socket: Annotated[
        Path | None, typer.Option(help="Unix socket, ending in .sock. Default: in the folder.")
    ] = None,
) -> None:
    """Serve MongoDB's protocol on a Unix socket, out of one folder; ends at SIGTERM or Ctrl-C."""
    with plain_errors("sim-dispatcher database"):
        configure_logs(LogSettings())
        host = Host(path, socket or path / "mongodb.sock")
        asyncio.run(_serve(host))


async def _serve(host: Host) -> None:
    """Announce the URI in one line, and serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    typer.echo(f"ready {host.uri}")
    log.info("database ready", uri=host.uri)
    await host.serve(stop)


if __name__ == "__main__":
    typer.run(database)
