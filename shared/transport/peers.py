"""Who may dial: public keys in one folder per role, read again when the folders change.

::

    authorized/edge/stem-1.key
    authorized/dispatcher/login-node.key
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from shared.errors import KeyRefusedError
from shared.transport.keys import load_public_key

__all__ = ["AllowList", "Peer"]

Role = Literal["edge", "dispatcher"]
_ROLES: Final[tuple[Role, ...]] = ("edge", "dispatcher")


@dataclass(frozen=True, slots=True)
class Peer:
    """An authorised dialler.

    Attributes:
        public: Its public key, Z85: its identity.
        role: What it may do.
        name: File name of its key, for people.
    """

    public: bytes
    role: Role
    name: str


class AllowList:
    """The keys that may dial, by folder.

    Args:
        folder: Holds `edge/` and `dispatcher/` with `*.key` files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamp: tuple[tuple[str, int, int], ...] | None = None
        self._peers: dict[bytes, Peer] = {}

    def lookup(self, public: bytes) -> Peer | None:
        """Return the peer with this public key, or None if it is not authorised."""
        stamp = self._read_stamp()
        if stamp != self._stamp:
            self._peers = {peer.public: peer for peer in self._read()}
            self._stamp = stamp
        return self._peers.get(public)

    def _files(self) -> list[tuple[Role, Path]]:
        return [
            (role, file) for role in _ROLES for file in sorted((self._folder / role).glob("*.key"))
        ]

    def _read_stamp(self) -> tuple[tuple[str, int, int], ...]:
        """Names, times and sizes: a file being written changes size within one clock tick."""
        found = [(file, file.stat()) for _, file in self._files()]
        return tuple((str(file), status.st_mtime_ns, status.st_size) for file, status in found)

    def _read(self) -> list[Peer]:
        peers = []
        for role, file in self._files():
            try:
                peers.append(Peer(load_public_key(file), role, file.stem))
            except KeyRefusedError:
                continue  # a malformed file authorises nobody
        return peers
