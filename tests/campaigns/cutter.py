"""A proxy before the database that loses answers: a write was applied, and nobody hears of it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from sim_dispatcher.database.wire import Decoder

__all__ = ["Cutter", "cutting"]

WRITES = frozenset({"insert", "update", "delete", "findandmodify"})
CHUNK_BYTES = 1 << 16


class Cutter:
    """Passes everything on, until armed.

    Args:
        server: The database's socket.
    """

    def __init__(self, server: Path) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._countdown = 0
        self.cuts = 0
        self.writes = 0

    def arm(self, number: int) -> None:
        """Lose the answer to the so-manieth write from now on (from 1); 0 = to none."""
        with self._lock:
            self._countdown = number

    def serve(self, client: socket.socket) -> None:
        """Pass one connection's messages on, one request and its answer at a time."""
        decoder = Decoder()
        with client, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.connect(str(self._server))
            while data := client.recv(CHUNK_BYTES):
                server.sendall(data)
                for request in decoder.feed(data):
                    answer = _message(server)
                    if self._loses(next(iter(request.command)).lower()):
                        return
                    client.sendall(answer)

    def _loses(self, name: str) -> bool:
        if name not in WRITES:
            return False
        with self._lock:
            self.writes += 1
            self._countdown -= 1
            lost = self._countdown == 0
            self.cuts += lost
        return lost


def _message(server: socket.socket) -> bytes:
    """Read one whole message: its first four bytes are its length."""
    data = b""
    while len(data) < 4 or len(data) < int.from_bytes(data[:4], "little"):
        chunk = server.recv(CHUNK_BYTES)
        if not chunk:
            raise ConnectionResetError("the database went away")
        data += chunk
    return data


@contextlib.contextmanager
def cutting(server: Path, own: Path) -> Iterator[Cutter]:
    """Listen on a socket of one's own until the block ends."""
    cutter, threads = Cutter(server), list[threading.Thread]()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(own))
    listener.listen(64)

    def serve(client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            cutter.serve(client)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                thread = threading.Thread(target=serve, args=(client,), daemon=True)
                threads.append(thread)
                thread.start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield cutter
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for thread in threads:
            thread.join(5)
