"""Orders over the real link: encrypted sockets, a dispatcher that answers, restarts or refuses."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from blake3 import blake3

from inference_service.diallers import Diallers
from inference_service.order_desk import NoDispatcherError, OrderRequest
from inference_service.session import Session
from inference_service.settings import LinkSettings
from shared.clock import SystemClock
from shared.messages import Answer, Attachment, Order, OrderOutcome, Provenance, SimulationResult
from shared.protocol import Delivered, Event, Identity, Inbox, Link, Outbox
from shared.transport import (
    AllowList,
    Endpoint,
    LinkClient,
    LinkServer,
    Listener,
    create_keys,
    load_keys,
    load_public_key,
)

CLOCK = SystemClock()
PICK = OrderRequest(id="click-1", action="pick", roi="roi-1")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(run: Callable[[], object]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@dataclass
class Site:
    """A service on a loopback port and the key of one dispatcher."""

    folder: Path
    session: Session = field(init=False)
    server: LinkServer = field(init=False)

    def __post_init__(self) -> None:
        for name in ("service", "login"):
            create_keys(self.folder, name)
        (self.folder / "authorized" / "edge").mkdir(parents=True)
        (self.folder / "authorized" / "dispatcher").mkdir()
        shutil.copy(self.folder / "login.key", self.folder / "authorized" / "dispatcher")
        self.session = Session(clock=CLOCK)
        diallers = Diallers(self.session, LinkSettings(), CLOCK)
        keys = load_keys(self.folder / "service.key_secret")
        allow_list = AllowList(self.folder / "authorized")
        self.server = LinkServer(Listener("127.0.0.1", 0, keys, allow_list), diallers, CLOCK)
        self.server.bind()
        diallers.connect(lambda _work: None, self.server.wake)

    def endpoint(self) -> Endpoint:
        public = load_public_key(self.folder / "service.key")
        keys = load_keys(self.folder / "login.key_secret")
        return Endpoint(f"tcp://127.0.0.1:{self.server.port}", public, keys)

    @property
    def connected(self) -> bool:
        return self.session.peer("dispatcher").connected


class Dispatcher:
    """Carries each order out once, by its id, and says so; a mute one says nothing."""

    def __init__(self, endpoint: Endpoint, stream: str, mode: str = "obeys") -> None:
        self.mode = mode
        self.seen: list[str] = []
        self.done: set[str] = set()
        identity = Identity("dispatcher", "login", "atomloop test", stream)
        self.link = Link(identity, Outbox(), Inbox())
        self.client = LinkClient(endpoint, self.link, CLOCK, self.on_event)

    def on_event(self, event: Event) -> None:
        if not isinstance(event, Delivered) or not isinstance(event.envelope.message, Order):
            return
        order = event.envelope.message
        self.seen.append(order.id)
        if self.mode == "refuses":
            self.link.reject(event.envelope.seq, "this version knows no orders")
            return
        self.done.add(order.id)
        if self.mode == "obeys":
            said = OrderOutcome(id=order.id, accepted=True, message="picked", at_ns=1)
            self.link.outbox.offer(said)
        self.link.done(event.envelope.seq)


@pytest.fixture
async def site(tmp_path: Path) -> Site:
    """Bound on the test's own event loop."""
    return Site(tmp_path / "keys")


async def test_an_order_reaches_the_dispatcher_and_its_outcome_comes_back(site: Site) -> None:
    dispatcher = Dispatcher(site.endpoint(), "d-1")
    orders = site.session.orders
    async with running(site.server.run), running(dispatcher.client.run):
        with pytest.raises(NoDispatcherError):
            orders.take(PICK, "test")
        await until(lambda: site.connected)
        orders.take(PICK, "test")
        orders.take(PICK, "test")
        await until(lambda: orders.unanswered() == [])
    record = orders.get("click-1")
    assert record is not None
    assert record.outcome is not None
    assert record.outcome.accepted
    assert dispatcher.seen == ["click-1"]


async def test_an_order_that_nobody_answered_is_offered_to_the_dispatcher_that_comes_back(
    site: Site,
) -> None:
    orders = site.session.orders
    mute = Dispatcher(site.endpoint(), "d-1", "is mute")
    async with running(site.server.run):
        async with running(mute.client.run):
            await until(lambda: site.connected)
            orders.take(PICK, "test")
            await until(lambda: mute.seen == ["click-1"])
        await until(lambda: not site.connected)
        restarted = Dispatcher(site.endpoint(), "d-2")
        async with running(restarted.client.run):
            await until(lambda: orders.unanswered() == [])
    assert restarted.seen == ["click-1"]


async def test_a_dispatcher_that_cannot_read_an_order_settles_it_with_its_reason(
    site: Site,
) -> None:
    orders = site.session.orders
    old = Dispatcher(site.endpoint(), "d-1", "refuses")
    async with running(site.server.run), running(old.client.run):
        await until(lambda: site.connected)
        orders.take(PICK, "test")
        await until(lambda: orders.unanswered() == [])
    record = orders.get("click-1")
    assert record is not None
    assert record.outcome is not None
    assert (record.outcome.accepted, record.outcome.message) == (
        False,
        "this version knows no orders",
    )


def answer(content: bytes, claimed: bytes) -> Answer:
    return Answer(
        roi="roi-1",
        job="job-1",
        result=SimulationResult(
            recipe="relax",
            level="gfn1",
            energy_eV=-1.0,
            formation_eV=None,
            reference=None,
            bonds_A={},
            rings={},
            converged=True,
            steps=1,
            fmax_eV_A=0.0,
            wall_s=1.0,
            cpu_s=1.0,
        ),
        provenance=Provenance(frame="1" * 64, model="2" * 64, structure="3" * 64, software="t 0"),
        attachments=(
            Attachment(
                name="job.log",
                media_type="text/plain",
                nbytes=len(content),
                digest=blake3(claimed).hexdigest(),
                role="output",
            ),
        ),
        finished_at_ns=1,
    )


async def test_files_arrive_with_their_answer_and_forged_ones_are_refused(site: Site) -> None:
    dispatcher = Dispatcher(site.endpoint(), "d-1")
    async with running(site.server.run), running(dispatcher.client.run):
        await until(lambda: site.connected)
        dispatcher.link.outbox.offer(answer(b"forged", b"honest"), (b"1\n\nC 0 0 0\n", b"forged"))
        dispatcher.link.outbox.offer(answer(b"honest", b"honest"), (b"1\n\nC 0 0 0\n", b"honest"))
        dispatcher.client.wake()
        await until(lambda: bool(site.session.answers()))
    (record,) = site.session.answers()
    assert record.files == (b"honest",)
