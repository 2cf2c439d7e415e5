"""`sim-dispatcher database`: serve the embedded database until told to stop."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from shared.errors import AtomLoopError
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
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        host = Host(path, socket or path / "mongodb.sock")
        asyncio.run(_serve(host))
    except AtomLoopError as error:
        typer.echo(f"{error.code}: {error}", err=True)
        raise typer.Exit(1) from error


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
