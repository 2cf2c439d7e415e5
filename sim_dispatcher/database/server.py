"""The server process: connections on a Unix socket, commands run one at a time.

A command's changes are in the kernel before its reply goes. Where the client asked for `j: true`,
the reply waits for the next sync, which serves all that wait; everything else is synced within
100 ms. Replies of one connection keep their order.
"""

from __future__ import annotations

import asyncio
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import structlog

from shared.errors import ConfigurationError, PortInUseError, RemoteProtocolError
from sim_dispatcher.database.catalog import Catalog
from sim_dispatcher.database.commands import Interpreter
from sim_dispatcher.database.journal import Journal
from sim_dispatcher.database.wire import Decoder, Request, encode_reply

__all__ = ["DatabaseServer", "listening_socket", "socket_uri"]

Document = dict[str, Any]

SYNC_INTERVAL_S: Final = 0.1
"""Longest time that an acknowledged write without `j: true` waits for the disk."""

MAX_CONNECTIONS: Final = 500

COMPACT_FROM_BYTES: Final = 64 * 1024 * 1024
COMPACT_FACTOR: Final = 4
"""The journal is compacted when it is so many times as large as after the last compaction."""

_SOCKET_PATH_BYTES: Final = 107
"""Longest path that a Unix socket address holds on Linux."""

log = structlog.get_logger(__name__)


def socket_uri(path: Path) -> str:
    """Return the MongoDB URI of a Unix socket."""
    return f"mongodb://{quote(str(path.absolute()), safe='')}/?directConnection=true"


def listening_socket(path: Path) -> socket.socket:
    """Bind a Unix socket that only this user can reach.

    Args:
        path: The socket's path, ending in `.sock`; its folder is made (mode 0700) where missing.

    Raises:
        ConfigurationError: The path is too long, misnamed or in a folder open to others.
        PortInUseError: A server listens there.
    """
    if path.suffix != ".sock" or len(bytes(path.absolute())) > _SOCKET_PATH_BYTES:
        raise ConfigurationError(
            f"{path} cannot be a database socket.",
            remedy=f"Name one that ends in .sock, of at most {_SOCKET_PATH_BYTES} bytes.",
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(path.parent.stat().st_mode) & 0o022:
        raise ConfigurationError(
            f"Others may write to {path.parent}, and could put a socket of their own there.",
            remedy=f"chmod go-w {path.parent}, or choose another --socket.",
        )
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if path.exists():
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(str(path)) == 0:
                listener.close()
                raise PortInUseError(
                    f"A database server listens on {path}.", remedy="Use it, or stop it first."
                )
        path.unlink()
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(128)
    listener.settimeout(0)
    return listener


@dataclass(frozen=True)
class _Answer:
    connection: _Connection
    data: bytes


class DatabaseServer:
    """Answers commands from many connections out of one catalog.

    Args:
        catalog: The data, as replayed from the journal.
        interpreter: Runs the commands.
        journal: Takes the changes.
    """

    def __init__(self, catalog: Catalog, interpreter: Interpreter, journal: Journal) -> None:
        self._catalog = catalog
        self._interpreter = interpreter
        self._journal = journal
        self._connections: set[_Connection] = set()
        self._waiting: list[_Answer] = []
        self._urgent = asyncio.Event()
        self._failed: asyncio.Future[None] | None = None
        self._replies = 0

    async def serve(self, listener: socket.socket, stop: asyncio.Event) -> None:
        """Serve until told to stop.

        Args:
            listener: A listening Unix socket; closed at the end.
            stop: Set to end.

        Raises:
            OSError: The journal cannot be written; nothing unwritten was acknowledged.
        """
        loop = asyncio.get_running_loop()
        self._failed = loop.create_future()
        server = await loop.create_unix_server(lambda: _Connection(self), sock=listener)
        syncing = loop.create_task(self._sync_forever())
        stopping = loop.create_task(stop.wait())
        try:
            ends = (syncing, stopping, self._failed)
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for end in done:
                end.result()
        finally:
            server.close()
            for connection in list(self._connections):
                connection.close()
            for task in (syncing, stopping):
                task.cancel()
            await asyncio.gather(syncing, stopping, return_exceptions=True)

    def admit(self, connection: _Connection) -> bool:
        """Take up a connection; False where there are too many."""
        if len(self._connections) >= MAX_CONNECTIONS:
            log.warning("connection refused", open=len(self._connections))
            return False
        self._connections.add(connection)
        return True

    def forget(self, connection: _Connection) -> None:
        """Drop a closed connection and the replies that wait for it."""
        self._connections.discard(connection)
        self._waiting = [answer for answer in self._waiting if answer.connection is not connection]

    def answer(self, connection: _Connection, request: Request) -> None:
        """Run a request's command, and send the reply as soon as its promise holds."""
        reply, effects = self._interpreter.run(request.command)
        if effects and not self._append(effects):
            return
        if not request.reply_wanted:
            return
        self._replies += 1
        answer = _Answer(connection, encode_reply(request, reply, self._replies))
        durable = bool(effects) and _wants_journal(request.command)
        if durable or any(other.connection is connection for other in self._waiting):
            self._waiting.append(answer)
            self._urgent.set()
        else:
            connection.send(answer.data)

    def _append(self, effects: list[Document]) -> bool:
        try:
            self._journal.append(effects)
        except OSError as error:
            if self._failed is not None and not self._failed.done():
                self._failed.set_exception(error)
            return False
        return True

    async def _sync_forever(self) -> None:
        while True:
            await self._pause()
            waiting, self._waiting = self._waiting, []
            if self._journal.synced < self._journal.size:
                await asyncio.to_thread(self._journal.sync)
            for answer in waiting:
                answer.connection.send(answer.data)
            floor = max(COMPACT_FROM_BYTES, COMPACT_FACTOR * self._journal.compacted_size)
            if self._journal.size > floor:
                before = self._journal.size
                self._journal.compact(self._catalog.snapshot())
                log.info("journal compacted", before=before, after=self._journal.size)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(SYNC_INTERVAL_S):
                await self._urgent.wait()
        except TimeoutError:
            return
        self._urgent.clear()


class _Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: DatabaseServer) -> None:
        self._server = server
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        if not self._server.admit(self):
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        try:
            requests = self._decoder.feed(data)
        except RemoteProtocolError as error:
            log.warning("connection dropped", reason=error.message)
            self.close()
            return
        for request in requests:
            self._server.answer(self, request)

    def pause_writing(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _wants_journal(command: Document) -> bool:
    concern = command.get("writeConcern")
    return isinstance(concern, dict) and bool(concern.get("j") or concern.get("fsync"))
