"""The bell: a launcher on the dispatcher's host says "look", so that nobody has to keep asking.

An empty datagram on a Unix socket in the launch folder (mode 0600). It carries nothing that could
be believed or forged: whoever hears it reads the ledger, which is the truth. A lost ring costs one
slow poll, and launchers on other hosts have no bell at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import structlog

__all__ = ["BELL_NAME", "Bell", "ring"]

BELL_NAME: Final = "dispatcher.bell"

LONGEST: Final = 107
"""`sun_path` holds 108 bytes, the last one a zero (unix(7)); longer paths go through a handle."""

_KIND: Final = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK

_log = structlog.get_logger(__name__)


class Bell:
    """The dispatcher's end.

    Args:
        folder: The launch folder, made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket: socket.socket | None = None
        self._inode: int | None = None

    @property
    def hangs(self) -> bool:
        """Whether launchers on this host can ring it."""
        return self._socket is not None

    def hang(self, heard: Callable[[], None]) -> None:
        """Listen from now on, in the running loop; where that is impossible, say so and go on.

        Args:
            heard: Called in the loop, once for any number of rings that came together.
        """
        bell = socket.socket(socket.AF_UNIX, _KIND)
        try:
            self._bind(bell)
        except OSError as error:
            bell.close()
            _log.warning("no bell; the ledger is polled", reason=str(error))
            return
        self._socket = bell
        asyncio.get_running_loop().add_reader(bell, self._hear, heard)

    def take_down(self) -> None:
        """Stop listening; a bell that another dispatcher hung since stays."""
        if self._socket is None:
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._socket = None
        with contextlib.suppress(OSError):
            path = self._folder / BELL_NAME
            if path.stat().st_ino == self._inode:
                path.unlink()

    def _bind(self, bell: socket.socket) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / BELL_NAME
        path.unlink(missing_ok=True)
        os.fchmod(bell.fileno(), 0o600)  # Linux: the mode that the file is made with
        with _short(self._folder) as address:
            bell.bind(address)
        path.chmod(0o600)
        self._inode = path.stat().st_ino

    def _hear(self, heard: Callable[[], None]) -> None:
        with contextlib.suppress(OSError):
            while self._socket is not None:
                self._socket.recv(1)
        heard()


def ring(folder: Path) -> None:
    """Say that the ledger has changed; never fails, never waits.

    Args:
        folder: The launch folder that the dispatcher uses, too.
    """
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, _KIND) as rope,
        _short(folder) as address,
    ):
        rope.sendto(b"", address)


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """Yield an address of the bell that fits into a socket's name."""
    plain = str(folder / BELL_NAME)
    if len(os.fsencode(plain)) <= LONGEST:
        yield plain
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{BELL_NAME}"
    finally:
        os.close(handle)
