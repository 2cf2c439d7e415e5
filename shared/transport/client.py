"""The dialling side of the frame link: one DEALER, driven by the sans-I/O `Link`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import zmq
import zmq.asyncio
from zmq.utils.monitor import parse_monitor_message

from shared.clock import Clock
from shared.codec import decode, encode
from shared.codec.envelope import claimed_seq
from shared.errors import RemoteProtocolError
from shared.protocol import Event, Link, LinkDown, LinkState
from shared.transport.keys import KeyPair
from shared.transport.sockets import harden, use_curve

__all__ = ["Endpoint", "LinkClient"]

_TICK_S: Final = 0.1
_SETTLED: Final = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED,
    zmq.EVENT_HANDSHAKE_FAILED_AUTH,
    zmq.EVENT_DISCONNECTED,
)
_KEY_REFUSED: Final = (
    "refuses this key",
    "Put this side's .key file into the service's authorized folder.",
)
_HANDSHAKE_BROKEN: Final = (
    "broke off the handshake",
    "Check the pinned server key, and that this address is the frame link's.",
)
_NOBODY_THERE: Final = (
    "does not answer: nothing listens there",
    "Start the inference service, or correct the endpoint.",
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to dial and how to be sure who answers.

    Attributes:
        address: ``tcp://host:port``.
        server_key: The service's public key, Z85, pinned.
        keys: Our own key pair.
    """

    address: str
    server_key: bytes
    keys: KeyPair


class LinkClient:
    """Runs a dialling `Link` over a socket, inside one asyncio loop.

    Args:
        endpoint: Where to dial.
        link: The conversation; its outbox may be filled from the loop's thread only.
        clock: Time.
        on_event: Called in the loop for each event, in order.
    """

    def __init__(
        self, endpoint: Endpoint, link: Link, clock: Clock, on_event: Callable[[Event], None]
    ) -> None:
        self.link = link
        self._endpoint = endpoint
        self._clock = clock
        self._on_event = on_event
        self._wake = asyncio.Event()
        self._redial = asyncio.Event()
        self._context = zmq.asyncio.Context()
        self._trouble: tuple[str, str] | None = None

    def wake(self) -> None:
        """Send what is ready now; call after offering, from the loop's thread."""
        self._wake.set()

    async def run(self) -> None:
        """Dial and keep the conversation going until cancelled; then say farewell."""
        socket = self._context.socket(zmq.DEALER)
        harden(socket)
        socket.setsockopt(zmq.IMMEDIATE, 1)  # nothing queues for a peer that is not there
        socket.setsockopt(zmq.RECONNECT_IVL, 50)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
        socket.setsockopt(zmq.ROUTING_ID, self.link.identity.stream.encode())
        use_curve(socket, self._endpoint.keys, self._endpoint.server_key)
        monitor = socket.get_monitor_socket()
        socket.connect(self._endpoint.address)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive(socket))
                tasks.create_task(self._watch(monitor))
                tasks.create_task(self._dial_again(socket))
                tasks.create_task(self._pump(socket))
        finally:
            self.link.close()
            await self._flush(socket)
            socket.disable_monitor()
            self._context.destroy(linger=200)

    async def _pump(self, socket: zmq.asyncio.Socket) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):  # wait_for of 3.11 may swallow a cancellation
                    await self._wake.wait()
            self._wake.clear()
            self._emit(self.link.tick(self._clock.monotonic_s(), self._clock.wall_ns()))
            await self._flush(socket)

    async def _flush(self, socket: zmq.asyncio.Socket) -> None:
        for envelope in self.link.outgoing():
            with contextlib.suppress(zmq.Again):  # no connection: the link repeats what matters
                await socket.send_multipart(encode(envelope), flags=zmq.DONTWAIT, copy=False)

    async def _receive(self, socket: zmq.asyncio.Socket) -> None:
        while True:
            frames = await socket.recv_multipart(copy=False)
            parts = [frame.buffer for frame in frames]
            try:
                envelope = decode(parts)
            except RemoteProtocolError as error:
                self.link.damaged(claimed_seq(parts), error.message)
            else:
                self._trouble = None
                now, wall = self._clock.monotonic_s(), self._clock.wall_ns()
                self._emit(self.link.receive(envelope, now, wall))
            self.wake()

    async def _watch(self, monitor: zmq.asyncio.Socket) -> None:
        """Turn libzmq's connection events into reasons a person can act on."""
        shaking = False
        while True:
            event = parse_monitor_message(await monitor.recv_multipart())["event"]
            if event == zmq.EVENT_CONNECTED:
                shaking = True
            elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self._report(_KEY_REFUSED)
                self._redial.set()
            elif event == zmq.EVENT_DISCONNECTED and shaking:
                self._report(_HANDSHAKE_BROKEN)
                self._redial.set()
            elif event == zmq.EVENT_CONNECT_RETRIED and self._trouble is None and not self._up:
                self._report(_NOBODY_THERE)
            if event in _SETTLED:
                shaking = False

    async def _dial_again(self, socket: zmq.asyncio.Socket) -> None:
        """Dial again after a failed handshake: libzmq may have given up for good."""
        while True:
            await self._redial.wait()
            await asyncio.sleep(self.link.timing.retry_s)
            self._redial.clear()
            if self._up:
                continue
            with contextlib.suppress(zmq.ZMQError):
                socket.disconnect(self._endpoint.address)
            socket.connect(self._endpoint.address)

    def _report(self, trouble: tuple[str, str]) -> None:
        """Say what keeps the link down, once until it changes."""
        if trouble != self._trouble:
            self._trouble = trouble
            reason, remedy = trouble
            self._emit([LinkDown(f"{self._endpoint.address} {reason}", remedy)])

    @property
    def _up(self) -> bool:
        return self.link.state is LinkState.OPEN

    def _emit(self, events: list[Event]) -> None:
        for event in events:
            self._on_event(event)
