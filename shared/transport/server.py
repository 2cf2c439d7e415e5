"""The listening side of the frame link: one ROUTER, a `Link` per dialler."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from dataclasses import dataclass, field
from typing import Final, Protocol

import zmq
import zmq.asyncio
from zmq.auth.asyncio import AsyncioAuthenticator

from shared.clock import Clock
from shared.codec import Envelope, decode, encode
from shared.codec.envelope import claimed_seq
from shared.errors import PortInUseError, RemoteProtocolError
from shared.messages import Hello, Refused
from shared.protocol import Event, Link, LinkState
from shared.transport.keys import KeyPair
from shared.transport.peers import AllowList, Peer
from shared.transport.sockets import ZAP_DOMAIN, harden, require_curve

__all__ = ["LinkServer", "Listener", "PeerHandler"]

_TICK_S: Final = 0.1
_FORGET_S: Final = 600.0


class PeerHandler(Protocol):
    """What the service does with its diallers."""

    def open_link(self, peer: Peer) -> Link:
        """Return a fresh listening link for a peer that dialled."""
        ...

    def on_event(self, peer: Peer, link: Link, event: Event) -> None:
        """Take an event of a peer's link; never blocks."""
        ...


@dataclass(frozen=True, slots=True)
class Listener:
    """Where to listen and who may dial.

    Attributes:
        host: Address to bind.
        port: TCP port; 0 picks a free one.
        keys: The service's key pair.
        allow_list: Authorised public keys.
    """

    host: str
    port: int
    keys: KeyPair
    allow_list: AllowList


@dataclass(slots=True)
class _Dialler:
    peer: Peer
    link: Link
    heard_s: float = field(default=0.0)


class LinkServer:
    """Accepts edges and dispatchers on one socket, inside one asyncio loop.

    Args:
        listener: Where and for whom.
        handler: What to do with events.
        clock: Time.

    Attributes:
        port: The bound TCP port; 0 before `bind`.
    """

    def __init__(self, listener: Listener, handler: PeerHandler, clock: Clock) -> None:
        self._listener = listener
        self._handler = handler
        self._clock = clock
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._authenticator = AsyncioAuthenticator(self._context)
        self._diallers: dict[bytes, _Dialler] = {}
        self._wake = asyncio.Event()
        self.port = 0

    def bind(self) -> None:
        """Start listening; who is not on the allow-list is refused in the handshake.

        Raises:
            PortInUseError: Another process owns the port.
        """
        harden(self._socket)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # else replies vanish silently
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)  # a reconnecting dialler keeps its link
        require_curve(self._socket, self._listener.keys)
        self._authenticator.start()  # before the port opens: without it nobody would get in
        self._authenticator.configure_curve_callback(
            ZAP_DOMAIN, _Credentials(self._listener.allow_list)
        )
        address = f"tcp://{self._listener.host}:{self._listener.port or '*'}"
        try:
            self._socket.bind(address)
        except zmq.ZMQError as error:
            self.close()
            if error.errno != errno.EADDRINUSE:
                raise
            raise PortInUseError(
                f"Port {self._listener.port} of the frame link is in use.",
                remedy="Stop the other process or choose another port with link.port.",
            ) from error
        bound = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.port = int(bound.rsplit(":", 1)[1])

    def wake(self) -> None:
        """Send what is ready now; call from the loop's thread."""
        self._wake.set()

    async def run(self) -> None:
        """Serve until cancelled; then say farewell to every dialler."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive())
                tasks.create_task(self._pump())
        finally:
            for routing_id, dialler in self._diallers.items():
                dialler.link.close("the service stops")
                self._flush(routing_id, dialler.link)
            self.close()

    def close(self) -> None:
        """Give the port back."""
        self._authenticator.stop()
        self._context.destroy(linger=200)

    async def _pump(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):  # wait_for of 3.11 may swallow a cancellation
                    await self._wake.wait()
            self._wake.clear()
            now, wall = self._clock.monotonic_s(), self._clock.wall_ns()
            for routing_id, dialler in list(self._diallers.items()):
                self._emit(dialler, dialler.link.tick(now, wall))
                self._flush(routing_id, dialler.link)
                idle = dialler.link.state is not LinkState.OPEN
                if idle and now - dialler.heard_s > _FORGET_S:
                    del self._diallers[routing_id]

    async def _receive(self) -> None:
        while True:
            frames = await self._socket.recv_multipart(copy=False)
            routing_id = frames[0].bytes
            peer = self._listener.allow_list.lookup(_user_id(frames[0]))
            if peer is None:  # revoked after its handshake
                self._refuse(routing_id, "this key is no longer authorised")
                continue
            self._take(routing_id, peer, [frame.buffer for frame in frames[1:]])
            self.wake()

    def _take(self, routing_id: bytes, peer: Peer, parts: list[memoryview]) -> None:
        dialler = self._diallers.get(routing_id)
        if dialler is None:
            dialler = _Dialler(peer, self._handler.open_link(peer))
            self._diallers[routing_id] = dialler
        if dialler.peer.public != peer.public:
            self._refuse(routing_id, "this stream belongs to another key")
            return
        now, wall = self._clock.monotonic_s(), self._clock.wall_ns()
        dialler.heard_s = now
        try:
            envelope = decode(parts)
            if isinstance(envelope.message, Hello) and envelope.message.role != peer.role:
                self._refuse(routing_id, f"this key is authorised as {peer.role} only")
                return
            self._emit(dialler, dialler.link.receive(envelope, now, wall))
        except RemoteProtocolError as error:
            dialler.link.damaged(claimed_seq(parts), error.message)
        self._flush(routing_id, dialler.link)

    def _refuse(self, routing_id: bytes, reason: str) -> None:
        refusal = Refused(reason=reason, remedy="Authorise the key for this role on the service.")
        self._send(routing_id, Envelope(refusal))

    def _flush(self, routing_id: bytes, link: Link) -> None:
        for envelope in link.outgoing():
            self._send(routing_id, envelope)

    def _send(self, routing_id: bytes, envelope: Envelope) -> None:
        """Send without waiting; what a broken connection swallows, the link repeats."""
        parts = [routing_id, *encode(envelope)]
        sent = self._socket.send_multipart(parts, flags=zmq.DONTWAIT, copy=False)
        if isinstance(sent, asyncio.Future) and sent.done():  # with DONTWAIT it resolves at once
            sent.exception()

    def _emit(self, dialler: _Dialler, events: list[Event]) -> None:
        for event in events:
            self._handler.on_event(dialler.peer, dialler.link, event)


class _Credentials:
    """Adapter from pyzmq's credentials provider to the allow-list."""

    def __init__(self, allow_list: AllowList) -> None:
        self._allow_list = allow_list

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether the owner of `key` may connect."""
        return domain == ZAP_DOMAIN and self._allow_list.lookup(key) is not None


def _user_id(frame: zmq.Frame) -> bytes:
    try:
        return str(frame.get("User-Id")).encode()
    except zmq.ZMQError:
        return b""
