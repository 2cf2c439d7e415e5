"""A frame's way over loopback: our link beside bare PUSH and PULL, one thread at each end.

Ours is encrypted, checksummed, acknowledged and survives either side's restart; theirs is none of
that. What is compared is the price.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

import zmq

from shared.clock import SystemClock
from shared.messages import Job
from shared.protocol import Delivered, Event, Identity, Inbox, Link, Outbox
from shared.transport import (
    AllowList,
    Endpoint,
    LinkClient,
    LinkServer,
    Listener,
    Peer,
    create_keys,
    load_keys,
    load_public_key,
)

FRAMES = 40
FRAME_BYTES = 896 * 896 * 2
WINDOW = 8
CLOCK = SystemClock()


def frame_link() -> tuple[Callable[[], float], Callable[[], float]]:
    """Return both ways; each gives milliseconds per 1.6 MB frame."""
    return _ours, _theirs


def _message(number: int) -> Job:
    return Job(
        key=f"f{number}",
        roi="r",
        recipe="relax",
        level="gfn1",
        state="done",
        updated_at_ns=number,
    )


class _Counter:
    """The receiving end: confirms each frame and says when the last is there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.links = 0
        self.first_s = self.last_s = 0.0
        self.done = asyncio.Event()

    def open_link(self, peer: Peer) -> Link:
        del peer
        self.links += 1
        return Link(Identity("service", "s", "bench", f"s{self.links}"), Outbox(), Inbox(WINDOW))

    def on_event(self, peer: Peer, link: Link, event: Event) -> None:
        del peer
        if isinstance(event, Delivered) and event.envelope.seq:
            link.done(event.envelope.seq)
            self.last_s = perf_counter()
            if event.envelope.seq == 1:
                self.first_s = self.last_s
            if event.envelope.seq == FRAMES + 1:
                self._loop.call_soon(self.done.set)


def _ours() -> float:
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        create_keys(keys, "service")
        secret = create_keys(Path(folder) / "authorized" / "edge", "edge")
        started, port = threading.Event(), []

        async def serve() -> float:
            counter = _Counter(asyncio.get_running_loop())
            allow = AllowList(Path(folder) / "authorized")
            service_keys = load_keys(keys / "service.key_secret")
            server = LinkServer(Listener("127.0.0.1", 0, service_keys, allow), counter, CLOCK)
            server.bind()
            port.append(server.port)
            started.set()
            await _beside(server.run(), counter.done.wait())
            return (counter.last_s - counter.first_s) * 1e3 / FRAMES

        async def send(until: Callable[[], bool]) -> None:
            endpoint = Endpoint(
                f"tcp://127.0.0.1:{port[0]}",
                load_public_key(keys / "service.key"),
                load_keys(secret),
            )
            link = Link(Identity("edge", "e", "bench", "e"), Outbox(FRAMES + 1, 1 << 30), Inbox())
            payload = (bytes(FRAME_BYTES),)
            for number in range(FRAMES + 1):
                link.outbox.offer(_message(number), payload)
            client = LinkClient(endpoint, link, CLOCK, lambda _: None)
            await _beside(client.run(), _poll(until))

        result: list[float] = []
        receiver = threading.Thread(target=lambda: result.append(asyncio.run(serve())))
        receiver.start()
        started.wait()
        asyncio.run(send(lambda: bool(result)))
        receiver.join()
    return result[0]


def _theirs() -> float:
    context = zmq.Context()
    pull = context.socket(zmq.PULL)
    push = context.socket(zmq.PUSH)
    for socket in (pull, push):
        socket.set_hwm(WINDOW)
    push.connect(f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}")

    def send() -> None:
        payload = bytes(FRAME_BYTES)
        for _ in range(FRAMES + 1):
            push.send(payload, copy=False)

    sender = threading.Thread(target=send)
    sender.start()
    pull.recv(copy=False)
    began = perf_counter()
    for _ in range(FRAMES):
        pull.recv(copy=False)
    elapsed = perf_counter() - began
    sender.join()
    context.destroy(linger=0)
    return elapsed * 1e3 / FRAMES


async def _poll(until: Callable[[], bool]) -> None:
    while not until():
        await asyncio.sleep(0.01)


async def _beside(service: Coroutine[Any, Any, None], work: Coroutine[Any, Any, object]) -> None:
    task = asyncio.create_task(service)
    await work
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
