"""A source that offers what a test gives it, and a service that answers on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edge_agent.settings import EdgeSettings, LinkSettings, OutboxSettings
from edge_agent.sources.base import Offer, RawFrame
from shared.clock import SystemClock
from shared.messages import Acquisition, Calibration, EdgeStatus, Frame
from shared.protocol import Delivered, Event, Identity, Inbox, Link, Outbox
from shared.transport import (
    AllowList,
    LinkServer,
    Listener,
    Peer,
    create_keys,
    load_keys,
)


def image(value: int, missed: int = 0) -> RawFrame:
    """A small frame that only its value tells from others."""
    return RawFrame(
        np.full((4, 4), value, dtype=np.uint16),
        Calibration(pixel_size_A=0.1, source="flag"),
        Acquisition(instrument="test", started_at_ns=1, ended_at_ns=2, origin=f"image {value}"),
        missed,
    )


@dataclass
class ListSource:
    """Offers a list, then ends; `endless` goes on waiting until it is closed."""

    offers: Sequence[Offer]
    pausable: bool = False
    endless: bool = False
    closed: threading.Event = field(default_factory=threading.Event)

    def describe(self) -> str:
        return "a list"

    def frames(self) -> Generator[Offer]:
        yield from self.offers
        if self.endless:
            self.closed.wait()

    def close(self) -> None:
        self.closed.set()


@dataclass
class Service:
    """A listening side that answers every frame, or all but those it is told to reject."""

    port: int = 0
    frames: list[Frame] = field(default_factory=list)
    statuses: list[EdgeStatus] = field(default_factory=list)
    reject: frozenset[int] = frozenset()
    answers: bool = True

    def open_link(self, peer: Peer) -> Link:
        del peer
        return Link(Identity("service", "test", "test", "service-1"), Outbox(), Inbox(window=2))

    def on_event(self, peer: Peer, link: Link, event: Event) -> None:
        del peer
        if not isinstance(event, Delivered):
            return
        message, seq = event.envelope.message, event.envelope.seq
        if isinstance(message, EdgeStatus):
            self.statuses.append(message)
        if not isinstance(message, Frame):
            return
        self.frames.append(message)
        if message.index in self.reject:
            link.reject(seq, "no lattice in it")
        elif self.answers:
            link.done(seq)


@pytest.fixture
def key_folder(tmp_path: Path) -> Path:
    create_keys(tmp_path, "service")
    create_keys(tmp_path / "authorized" / "edge", "edge")
    create_keys(tmp_path, "stranger")
    return tmp_path


@pytest.fixture
def serving(key_folder: Path) -> Callable[[Service], AbstractAsyncContextManager[Service]]:
    """Runs a service on a free loopback port for the length of a block."""

    @contextlib.asynccontextmanager
    async def run(service: Service) -> AsyncIterator[Service]:
        listener = Listener(
            "127.0.0.1",
            service.port,
            load_keys(key_folder / "service.key_secret"),
            AllowList(key_folder / "authorized"),
        )
        server = LinkServer(listener, service, SystemClock())
        server.bind()
        service.port = server.port
        task = asyncio.create_task(server.run())
        await asyncio.sleep(0)
        try:
            yield service
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return run


@pytest.fixture
def settings_for(key_folder: Path) -> Callable[..., EdgeSettings]:
    def make(port: int, **outbox: float) -> EdgeSettings:
        link = LinkSettings(
            endpoint=f"tcp://127.0.0.1:{port}",
            server_key=key_folder / "service.key",
            key_file=key_folder / "authorized" / "edge" / "edge.key_secret",
            patience_s=1.0,
        )
        return EdgeSettings(link=link, outbox=OutboxSettings.model_validate(outbox))

    return make


@pytest.fixture
def fakes() -> SimpleNamespace:
    """What tests build their scene from; test modules cannot import each other."""
    return SimpleNamespace(ListSource=ListSource, Service=Service, image=image)
