"""A database server made out of a folder: in this process's main thread, or beside it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from shared.clock import SystemClock
from shared.errors import DatabaseError
from sim_dispatcher.database.call import Handler
from sim_dispatcher.database.catalog import Catalog, Effect
from sim_dispatcher.database.commands import COMMANDS, Interpreter
from sim_dispatcher.database.journal import Journal
from sim_dispatcher.database.server import DatabaseServer, listening_socket, socket_uri

__all__ = ["Host", "hosted"]


class Host:
    """An open folder and a bound socket, ready to serve.

    Args:
        folder: The data.
        address: The Unix socket, ending in `.sock`.
        commands: The command table; a test may plant faulty handlers.

    Raises:
        DatabaseError: The folder is held by another server, or damaged.
        ConfigurationError: The socket cannot be bound.
    """

    def __init__(
        self, folder: Path, address: Path, commands: Mapping[str, Handler] = COMMANDS
    ) -> None:
        self.uri = socket_uri(address)
        self._folder = folder
        self._address = address
        self._catalog = Catalog()
        self._journal = Journal(folder, self._replay)
        try:
            self._listener: socket.socket = listening_socket(address)
        except BaseException:
            self._journal.close()
            raise
        self._interpreter = Interpreter(self._catalog, SystemClock(), commands)

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until told to stop; then sync, close, and remove the socket.

        Args:
            stop: Set to end.

        Raises:
            DatabaseError: The journal cannot be written.
        """
        server = DatabaseServer(self._catalog, self._interpreter, self._journal)
        try:
            await server.serve(self._listener, stop)
            self._journal.close()
        except OSError as error:
            raise DatabaseError(
                f"The journal in {self._folder} cannot be written: {error.strerror}.",
                remedy="Free space on that disk or check it, then start again.",
            ) from error
        finally:
            await asyncio.to_thread(self._address.unlink, missing_ok=True)

    def _replay(self, effect: Effect) -> None:
        self._catalog.replay(effect)
        self._catalog.take_effects()


@contextmanager
def hosted(folder: Path, commands: Mapping[str, Handler] = COMMANDS) -> Iterator[str]:
    """Serve a folder from a thread of this process.

    Args:
        folder: The data; the socket is made in it.
        commands: The command table.

    Yields:
        The URI.
    """
    host = Host(folder, folder / "mongodb.sock", commands)
    stop = asyncio.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(
        target=loop.run_until_complete, args=(host.serve(stop),), name="database", daemon=True
    )
    thread.start()
    try:
        yield host.uri
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
