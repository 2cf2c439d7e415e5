"""`sim-dispatcher database`: serve the embedded database until told to stop."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import structlog
import typer

from shared.clock import SystemClock
from shared.errors import AtomLoopError, DatabaseError
from sim_dispatcher.database.catalog import Catalog, Effect
from sim_dispatcher.database.commands import Interpreter
from sim_dispatcher.database.journal import Journal
from sim_dispatcher.database.server import DatabaseServer, listening_socket, socket_uri

__all__ = ["database", "serve_database"]

log = structlog.get_logger(__name__)


def database(
    path: Annotated[Path, typer.Option(help="Folder of the data; made where it is missing.")],
    socket: Annotated[
        Path | None, typer.Option(help="Unix socket, ending in .sock. Default: in the folder.")
    ] = None,
) -> None:
    """Serve MongoDB's protocol on a Unix socket, out of one folder; ends at SIGTERM or Ctrl-C."""
    address = socket or path / "mongodb.sock"
    try:
        asyncio.run(serve_database(path, address))
        address.unlink(missing_ok=True)
    except AtomLoopError as error:
        typer.echo(f"{error.code}: {error}", err=True)
        raise typer.Exit(1) from error


async def serve_database(folder: Path, socket_path: Path) -> None:
    """Replay the journal, announce the URI in one line, and serve until SIGTERM or SIGINT.

    Args:
        folder: The data.
        socket_path: Where to listen.

    Raises:
        AtomLoopError: The folder is held, damaged or full, or the socket cannot be bound.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    catalog = Catalog()

    def apply(effect: Effect) -> None:
        catalog.replay(effect)
        catalog.take_effects()

    journal = Journal(folder, apply)
    listener = listening_socket(socket_path)
    server = DatabaseServer(catalog, Interpreter(catalog, SystemClock()), journal)
    typer.echo(f"ready {socket_uri(socket_path)}")
    log.info("database ready", folder=str(folder), journal_bytes=journal.size)
    try:
        await server.serve(listener, stop)
        journal.close()
    except OSError as error:
        raise DatabaseError(
            f"The journal in {folder} cannot be written: {error.strerror}.",
            remedy="Free space on that disk or check it, then start again; nothing was lost.",
        ) from error


if __name__ == "__main__":
    typer.run(database)
