"""A dispatcher on the real ledger and the embedded database, a service, a quick launcher."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pymongo import MongoClient

from shared.clock import SystemClock
from shared.codec import Envelope
from shared.messages import (
    Answer,
    DispatcherStatus,
    Job,
    JobState,
    Message,
    Order,
    OrderOutcome,
    Roi,
    SimulationResult,
)
from shared.protocol import Delivered, Identity, Inbox, Link, Outbox
from sim_dispatcher.board import Conduct, Memory
from sim_dispatcher.database.hosting import hosted
from sim_dispatcher.dispatch import Dispatch, Surroundings
from sim_dispatcher.ledger import JobAnswer, JobRecord, JobSpec, Ledger
from sim_dispatcher.ledger.bell import Bell, ring

PATIENCE_S = 10.0
M = TypeVar("M", bound=Message)


class QueueOfFireworks:
    """Workflows in memory, with their priorities."""

    def __init__(self) -> None:
        self.fireworks: dict[int, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    def stage(self, spec: JobSpec) -> int:
        for number, firework in self.fireworks.items():
            if firework["key"] == spec.key:
                return number
        number = next(self._numbers)
        self.fireworks[number] = {"key": spec.key, "state": "READY", "priority": spec.priority}
        return number

    def is_whole(self, firework: int) -> bool:
        return firework in self.fireworks

    def open(self, firework: int) -> None:
        self.fireworks[firework]["open"] = True

    def prioritise(self, firework: int, priority: float) -> None:
        self.fireworks[firework]["priority"] = priority

    def settle(self, firework: int, state: JobState) -> None:
        self.fireworks[firework]["state"] = "COMPLETED" if state == "done" else "DEFUSED"

    def requeue(self, firework: int) -> None:
        self.fireworks[firework]["state"] = "READY"

    def ended(self, fireworks: list[int]) -> dict[int, str]:
        states = {number: self.fireworks[number]["state"] for number in fireworks}
        return {number: state for number, state in states.items() if state != "READY"}

    def sweep(self) -> int:
        return 0

    def ready(self) -> list[tuple[int, str]]:
        """Waiting fireworks, the next one first."""
        known = list(self.fireworks.items())
        waiting = [(n, f) for n, f in known if f["state"] == "READY" and f.get("open")]
        return [(n, f["key"]) for n, f in sorted(waiting, key=lambda pair: -pair[1]["priority"])]


class QuickLauncher:
    """Claims and finishes jobs at once, and rings the bell."""

    def __init__(self, ledger: Ledger, queue: QueueOfFireworks, folder: Path) -> None:
        self._ledger = ledger
        self._queue = queue
        self._folder = folder
        self.computed: list[str] = []

    def claim(self, key: str) -> JobRecord:
        claimed = self.try_to_claim(key)
        assert claimed is not None, f"{key} is not to be had"
        return claimed

    def try_to_claim(self, key: str) -> JobRecord | None:
        number = next(n for n, other in self._queue.ready() if other == key)
        claimed = self._ledger.claim(key, "quick", number)
        if claimed is None:
            return None
        self._queue.fireworks[number]["state"] = "RUNNING"
        ring(self._folder)
        return claimed

    def finish(self, claimed: JobRecord, **changes: Any) -> None:
        self.computed.append(claimed.key)
        answer = answer_to(claimed.spec, **changes)
        assert self._ledger.finish(claimed.key, claimed.token, answer)
        self._ledger.settle(claimed.key)
        ring(self._folder)

    def run_one(self, **changes: Any) -> str | None:
        for _, key in self._queue.ready():
            claimed = self.try_to_claim(key)
            if claimed is not None:
                self.finish(claimed, **changes)
                return key
        return None

    def run_all(self) -> list[str]:
        return list(iter(self.run_one, None))


def answer_to(spec: JobSpec, **changes: Any) -> JobAnswer:
    bar = {"size_eV": 0.03, "alternatives_eV": 0.04, "total_eV": 0.05, "topology_share": 0.1}
    fields: dict[str, Any] = {
        "recipe": spec.recipe, "level": spec.level, "energy_eV": -1000.0, "formation_eV": 2.5,
        "reference": None, "bonds_A": {}, "rings": {"before": {"6": 7}, "after": {"6": 7}},
        "uncertainty": bar if spec.recipe == "error_bar" else None,
        "converged": True, "steps": 3, "fmax_eV_A": 0.01, "wall_s": 1.0, "cpu_s": 36.0,
    }  # fmt: skip
    files = changes.pop("files", ())
    return JobAnswer(
        result=SimulationResult(**{**fields, **changes}),
        structure=spec.structure,
        software="quick 1",
        settings=f"{spec.level}, no electrons",
        files=files,
    )


class Service:
    """The inference service's end of the link, in memory."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._link = Link(
            Identity("service", "inference", "test", f"service-{id(self)}"), Outbox(), Inbox()
        )
        self.heard: list[Envelope] = []
        self.news = asyncio.Event()

    def send(self, envelope: Envelope) -> None:
        self._link.outbox.offer(envelope.message, tuple(map(bytes, envelope.payload)))

    def pump(self, dialler: Link, events: Callable[[Any], None]) -> None:
        """Carry messages both ways until none is left."""
        for _ in range(100):
            now, wall = self._clock.monotonic_s(), self._clock.wall_ns()
            events_there = dialler.tick(now, wall)
            going, coming = dialler.outgoing(), self._link.outgoing()
            for event in events_there:
                events(event)
            for envelope in going:
                for event in self._link.receive(envelope, now, wall):
                    self._take(event)
            for envelope in coming:
                for event in dialler.receive(envelope, now, wall):
                    events(event)
            if not going and not coming:
                return

    def _take(self, event: Any) -> None:
        if isinstance(event, Delivered):
            self.heard.append(event.envelope)
            self.news.set()
            if event.envelope.seq:
                self._link.done(event.envelope.seq)


@dataclass
class Site:
    """One laboratory: database, ledger, launcher, and a dispatcher that may be killed."""

    ledger: Ledger
    memory: Memory
    queue: QueueOfFireworks
    launcher: QuickLauncher
    folder: Path
    clock: SystemClock
    conduct: Conduct = field(default_factory=Conduct)
    at_once: int = 4
    levels: dict[str, int] = field(default_factory=lambda: {"gfnff": 2500, "gfn1": 400, "qe": 30})

    @asynccontextmanager
    async def dispatcher(self) -> AsyncIterator[Run]:
        """A dispatcher that works until the block ends, as abruptly as a kill."""
        service = Service(self.clock)
        stream = f"dispatcher-{id(service)}"
        link = Link(Identity("dispatcher", "d", "test", stream), Outbox(1024, 64 << 20), Inbox())
        around = Surroundings(
            ledger=self.ledger, memory=self.memory, link=link, bell=Bell(self.folder),
            clock=self.clock, levels=tuple(self.levels), fixed=frozenset({"gfnff"}),
            most_atoms=self.levels,
        )  # fmt: skip
        worker = Dispatch(self.conduct, self.at_once, around)
        run = Run(service, worker, link)
        run.task = task = asyncio.create_task(worker.run(run.pump))
        try:
            yield run
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@dataclass
class Run:
    """A running dispatcher and what the service heard of it."""

    service: Service
    worker: Dispatch
    link: Link
    task: asyncio.Task[None] | None = None

    def pump(self) -> None:
        self.service.pump(self.link, self.worker.on_event)

    async def send(self, *envelopes: Envelope) -> None:
        for envelope in envelopes:
            self.service.send(envelope)
        self.pump()
        await asyncio.sleep(0)

    async def order(self, action: str, name: str, **details: Any) -> OrderOutcome:
        order = Order.model_validate({"id": name, "action": action, "issued_at_ns": 1, **details})
        await self.send(Envelope(order))
        return await self.until(
            lambda: next((o for o in self.all(OrderOutcome) if o.id == name), None)
        )

    def all(self, kind: type[M]) -> list[M]:
        return [e.message for e in self.service.heard if isinstance(e.message, kind)]

    @property
    def rois(self) -> dict[str, Roi]:
        """The newest word about each ROI."""
        return {roi.key: roi for roi in self.all(Roi)}

    @property
    def jobs(self) -> dict[str, Job]:
        """The newest word about each job."""
        return {job.key: job for job in self.all(Job)}

    @property
    def answers(self) -> dict[str, Answer]:
        """The newest answer of each job."""
        return {answer.job: answer for answer in self.all(Answer)}

    @property
    def state(self) -> str | None:
        """What the dispatcher last said of itself."""
        said = self.all(DispatcherStatus)
        return said[-1].state if said else None

    @property
    def frames_seen(self) -> int:
        """Frames in which all ROIs of the board were seen."""
        board = self.worker._board
        return min((board.track(entry.key).seen for entry in board.entries), default=0)

    async def until(self, found: Callable[[], Any]) -> Any:
        """Wait until the service has heard enough."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                self.pump()
                result = found()
                if result:
                    return result
                self.service.news.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self.service.news.wait()


@pytest.fixture(scope="session")
def core_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with hosted(tmp_path_factory.mktemp("core")) as address:
        yield address


@pytest.fixture
def site(core_uri: str, tmp_path: Path) -> Iterator[Site]:
    clock, queue = SystemClock(), QueueOfFireworks()
    with MongoClient[dict[str, Any]](core_uri) as client:
        name = f"core-{tmp_path.name[-40:]}"  # a killed dispatcher's thread may still be writing
        ledger = Ledger(client, name, queue, clock)
        ledger.prepare()
        memory = Memory(client, name, clock)
        memory.prepare()
        launcher = QuickLauncher(ledger, queue, tmp_path)
        conduct = Conduct(radius_A=5.2)
        yield Site(ledger, memory, queue, launcher, tmp_path, clock, conduct)
        client.drop_database(name)
