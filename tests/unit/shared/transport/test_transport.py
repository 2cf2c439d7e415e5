"""The frame link over real loopback sockets with real keys."""

from __future__ import annotations

import asyncio
import shutil
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import zmq
import zmq.asyncio

from shared.clock import SystemClock
from shared.errors import KeyRefusedError, PortInUseError
from shared.messages import EdgeStatus, Job
from shared.protocol import (
    Delivered,
    Event,
    Identity,
    Inbox,
    Link,
    LinkDown,
    LinkState,
    LinkUp,
    Outbox,
    Timing,
)
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

CLOCK = SystemClock()
QUICK = Timing(retry_s=0.3)


def job(number: int) -> Job:
    return Job(
        key=f"j{number}", roi="r", recipe="relax", level="gfn1", state="done", updated_at_ns=number
    )


@dataclass
class Service:
    """A handler that confirms everything and remembers it."""

    events: list[tuple[str, Event]] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def open_link(self, peer: Peer) -> Link:
        link = Link(Identity("service", "s", "atomloop test", "srv"), Outbox(), Inbox())
        self.links.append(link)
        return link

    def on_event(self, peer: Peer, link: Link, event: Event) -> None:
        self.events.append((peer.name, event))
        if isinstance(event, Delivered) and event.envelope.seq:
            link.done(event.envelope.seq)

    def delivered(self) -> list[int]:
        jobs = [e.envelope.message for _, e in self.events if isinstance(e, Delivered)]
        return [message.updated_at_ns for message in jobs if isinstance(message, Job)]


@dataclass
class Site:
    """Keys of a service and an edge, on disk."""

    folder: Path

    def __post_init__(self) -> None:
        for name in ("service", "edge-1", "stranger"):
            create_keys(self.folder, name)
        (self.folder / "authorized" / "edge").mkdir(parents=True)
        self.authorize("edge-1", "edge")

    def authorize(self, name: str, role: str) -> None:
        shutil.copy(self.folder / f"{name}.key", self.folder / "authorized" / role / f"{name}.key")

    def keys(self, name: str) -> Path:
        return self.folder / f"{name}.key_secret"

    def listener(self, port: int = 0) -> Listener:
        allow = AllowList(self.folder / "authorized")
        return Listener("127.0.0.1", port, load_keys(self.keys("service")), allow)

    def endpoint(self, port: int, name: str = "edge-1", server: str = "service") -> Endpoint:
        server_key = load_public_key(self.folder / f"{server}.key")
        return Endpoint(f"tcp://127.0.0.1:{port}", server_key, load_keys(self.keys(name)))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "keys")


@asynccontextmanager
async def running(run: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def client(endpoint: Endpoint, events: list[Event], stream: str = "edge-stream") -> LinkClient:
    link = Link(Identity("edge", "edge-1", "atomloop test", stream), Outbox(), Inbox(), QUICK)
    return LinkClient(endpoint, link, CLOCK, events.append)


async def test_messages_cross_an_encrypted_link_both_ways(site: Site) -> None:
    service, events = Service(), []
    server = LinkServer(site.listener(), service, CLOCK)
    server.bind()
    edge = client(site.endpoint(server.port), events)
    async with running(server.run), running(edge.run):
        for number in range(20):
            edge.link.outbox.offer(job(number), (bytes(1000),))
        edge.wake()
        await until(lambda: service.delivered() == list(range(20)))
        service.links[0].outbox.offer(job(99))
        server.wake()
        await until(lambda: any(isinstance(e, Delivered) for e in events))
        await until(lambda: len(edge.link.outbox) == 0)


async def test_a_service_that_comes_back_gets_what_it_missed(site: Site) -> None:
    events: list[Event] = []
    first, second = Service(), Service()
    server = LinkServer(site.listener(), first, CLOCK)
    server.bind()
    edge = client(site.endpoint(server.port), events)
    async with running(edge.run):
        async with running(server.run):
            await until(lambda: edge.link.state is LinkState.OPEN)
        for number in range(5):
            edge.link.outbox.offer(job(number))
        again = LinkServer(site.listener(server.port), second, CLOCK)
        again.bind()
        async with running(again.run):
            await until(lambda: second.delivered() == list(range(5)))


async def test_soft_state_arrives_without_a_sequence_number(site: Site) -> None:
    service, events = Service(), []
    server = LinkServer(site.listener(), service, CLOCK)
    server.bind()
    edge = client(site.endpoint(server.port), events)
    status = EdgeStatus(
        source="t", state="acquiring", offered=0, accepted=0, skipped=0, unacknowledged=0
    )
    async with running(server.run), running(edge.run):
        await until(lambda: edge.link.state is LinkState.OPEN)
        edge.link.post(status)
        edge.wake()
        await until(
            lambda: any(
                isinstance(e, Delivered) and e.envelope.message == status for _, e in service.events
            )
        )


async def test_a_key_that_is_not_listed_is_refused_and_told_what_to_do(site: Site) -> None:
    service, events = Service(), []
    server = LinkServer(site.listener(), service, CLOCK)
    server.bind()
    stranger = client(site.endpoint(server.port, name="stranger"), events)
    async with running(server.run), running(stranger.run):
        await until(lambda: any(isinstance(e, LinkDown) for e in events))
    assert service.events == []
    (down,) = [e for e in events if isinstance(e, LinkDown)]
    assert "refuses this key" in down.reason
    assert "authorized" in down.remedy


async def test_a_key_listed_later_gets_in_without_a_restart(site: Site) -> None:
    service, events = Service(), []
    server = LinkServer(site.listener(), service, CLOCK)
    server.bind()
    late = client(site.endpoint(server.port, name="stranger"), events)
    async with running(server.run), running(late.run):
        await until(lambda: any(isinstance(e, LinkDown) for e in events))
        site.authorize("stranger", "edge")
        await until(lambda: any(isinstance(e, LinkUp) for e in events))


async def test_a_revoked_key_is_cut_off_in_a_running_conversation(site: Site) -> None:
    service, events = Service(), []
    server = LinkServer(site.listener(), service, CLOCK)
    server.bind()
    edge = client(site.endpoint(server.port), events)
    async with running(server.run), running(edge.run):
        await until(lambda: edge.link.state is LinkState.OPEN)
        (site.folder / "authorized" / "edge" / "edge-1.key").unlink()
        edge.link.outbox.offer(job(1))
        edge.wake()
        await until(lambda: edge.link.state is not LinkState.OPEN)
    assert service.delivered() == []


async def test_a_wrong_pinned_server_key_is_named(site: Site) -> None:
    service, events = Service(), []
    server = LinkServer(site.listener(), service, CLOCK)
    server.bind()
    edge = client(site.endpoint(server.port, server="stranger"), events)
    async with running(server.run), running(edge.run):
        await until(lambda: any(isinstance(e, LinkDown) for e in events))
    assert any("handshake" in e.reason for e in events if isinstance(e, LinkDown))
    assert service.events == []


async def test_an_absent_service_is_named(site: Site) -> None:
    events: list[Event] = []
    server = LinkServer(site.listener(), Service(), CLOCK)
    server.bind()
    port = server.port
    server.close()
    edge = client(site.endpoint(port), events)
    async with running(edge.run):
        await until(lambda: any(isinstance(e, LinkDown) for e in events))
    assert any("nothing listens" in e.reason for e in events if isinstance(e, LinkDown))


async def test_a_dispatcher_key_cannot_act_as_an_edge(site: Site) -> None:
    (site.folder / "authorized" / "dispatcher").mkdir()
    site.authorize("stranger", "dispatcher")
    service, events = Service(), []
    server = LinkServer(site.listener(), service, CLOCK)
    server.bind()
    poser = client(site.endpoint(server.port, name="stranger"), events)
    async with running(server.run), running(poser.run):
        await until(lambda: any(isinstance(e, LinkDown) for e in events))
    assert any("dispatcher only" in e.reason for e in events if isinstance(e, LinkDown))


async def test_plaintext_never_gets_in(site: Site) -> None:
    service = Service()
    server = LinkServer(site.listener(), service, CLOCK)
    server.bind()
    context = zmq.asyncio.Context()
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(f"tcp://127.0.0.1:{server.port}")
    async with running(server.run):
        with suppress(zmq.Again):  # the handshake may have failed already, and nobody is there
            await socket.send_multipart([b"x" * 16, b"y"], flags=zmq.NOBLOCK)
        assert await socket.poll(300) == 0
    socket.close()
    context.term()
    assert service.events == []


async def test_a_port_in_use_is_said_clearly(site: Site) -> None:
    server = LinkServer(site.listener(), Service(), CLOCK)
    server.bind()
    second = LinkServer(site.listener(server.port), Service(), CLOCK)
    with pytest.raises(PortInUseError, match=str(server.port)):
        second.bind()
    server.close()


def test_secret_keys_are_private_and_never_overwritten(site: Site) -> None:
    secret = site.keys("service")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    with pytest.raises(KeyRefusedError, match="exists already"):
        create_keys(site.folder, "service")
    secret.chmod(0o644)
    with pytest.raises(KeyRefusedError, match="open to other users"):
        load_keys(secret)


def test_a_missing_or_malformed_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyRefusedError, match="does not exist"):
        load_keys(tmp_path / "none.key_secret")
    (tmp_path / "bad.key").write_text("nonsense")
    with pytest.raises(KeyRefusedError, match="malformed"):
        load_public_key(tmp_path / "bad.key")


def test_a_secret_never_shows_in_a_representation(site: Site) -> None:
    keys = load_keys(site.keys("service"))
    assert keys.secret.decode() not in repr(keys)
