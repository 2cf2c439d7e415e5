"""The service's side of the link: frames become atoms, updates reach the session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from inference_service.analyst import Analyst, Work
from inference_service.detector.analysis import FrameAnalysis
from inference_service.detector.cover import Cover
from inference_service.diallers import Diallers
from inference_service.session import Session
from inference_service.settings import LinkSettings
from shared.clock import SystemClock
from shared.codec import Envelope, encode_pixels, frame_name
from shared.errors import UncalibratedError
from shared.messages import (
    ATOM,
    Acquisition,
    Atoms,
    Calibration,
    DispatcherStatus,
    EdgeStatus,
    Frame,
    Job,
    Nack,
    OutOfDistribution,
    StageTimes,
)
from shared.protocol import Delivered, Link, LinkDown, LinkState, LinkUp
from shared.transport import Peer

CLOCK = SystemClock()
EDGE = Peer(b"e" * 40, "edge", "edge-1")
DISPATCHER = Peer(b"d" * 40, "dispatcher", "login")


def frame_of(pixels: NDArray[np.uint16], index: int = 0) -> tuple[Frame, bytes]:
    frame = Frame(
        session="s",
        index=index,
        name=frame_name(pixels),
        previous=None,
        shape=(pixels.shape[0], pixels.shape[1]),
        pixel_type="uint16",
        codec="raw",
        calibration=Calibration(pixel_size_A=0.1, source="header"),
        acquisition=Acquisition(instrument="t", started_at_ns=0, ended_at_ns=1, origin="test"),
    )
    return frame, encode_pixels(pixels, "raw")


@dataclass
class OneAtomEye:
    """Finds one carbon atom at the brightest pixel; refuses an image that is all zero."""

    digest: str = "a" * 64
    members: int = 1
    looked_at: list[int] = field(default_factory=list)

    def analyze(self, image: NDArray[np.generic], calibration: Calibration) -> FrameAnalysis:
        counts = np.asarray(image, np.float64)
        if not counts.any():
            raise UncalibratedError("Nothing to see.", remedy="Open the beam valve.")
        row, column = np.unravel_index(counts.argmax(), counts.shape)
        self.looked_at.append(int(counts.max()))
        table = np.zeros(1, ATOM)
        table["x_px"], table["y_px"], table["p"], table["atomic_number"] = column, row, 1.0, 6
        return FrameAnalysis(
            table=table,
            defects=(),
            pixel_size_A=calibration.pixel_size_A or 0.1,
            pixel_size_source="header",
            header_pixel_size_A=calibration.pixel_size_A,
            dose_e_A2=None,
            dose_note="not measured",
            cover=Cover(0.0),
            ood=OutOfDistribution(score=0.0, flag=False),
            times=StageTimes(),
        )


@dataclass
class ClumsyEye(OneAtomEye):
    """Stumbles over thirteen."""

    def analyze(self, image: NDArray[np.generic], calibration: Calibration) -> FrameAnalysis:
        if np.asarray(image, int).max() == 13:
            raise ZeroDivisionError("thirteen")
        return super().analyze(image, calibration)


@dataclass
class Service:
    """Session, diallers and analyst wired as the application wires them."""

    eye: OneAtomEye = field(default_factory=OneAtomEye)
    settings: LinkSettings = field(default_factory=LinkSettings)
    wakes: int = 0

    def __post_init__(self) -> None:
        self.session = Session(clock=CLOCK)
        self.diallers = Diallers(self.session, self.settings, CLOCK)
        self.analyst = Analyst(self.eye, self.session, self.diallers.publish, CLOCK)
        self.diallers.connect(self.analyst.take, self._wake)

    def _wake(self) -> None:
        self.wakes += 1

    def up(self, peer: Peer) -> Link:
        link = self.diallers.open_link(peer)
        link.state = LinkState.OPEN
        link.inbox.open("stream", 1)
        self.diallers.on_event(peer, link, LinkUp(peer.name, "test"))
        return link

    def deliver(self, peer: Peer, link: Link, envelope: Envelope) -> None:
        link.inbox.accept(envelope.seq)
        self.diallers.on_event(peer, link, Delivered(envelope))


@asynccontextmanager
async def working(service: Service) -> AsyncIterator[None]:
    task = asyncio.create_task(service.analyst.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def said(link: Link) -> list[object]:
    return [envelope.message for envelope in link.outgoing()]


async def test_a_frame_becomes_atoms_in_the_session_and_on_every_link() -> None:
    service = Service()
    edge, dispatcher = service.up(EDGE), service.up(DISPATCHER)
    pixels = np.zeros((64, 64), np.uint16)
    pixels[3, 5] = 9
    frame, payload = frame_of(pixels)
    async with working(service):
        service.deliver(EDGE, edge, Envelope(frame, (payload,), 1))
        await until(lambda: service.session.latest_analysed is not None)
    record = service.session.latest_analysed
    assert record is not None
    assert record.frame.name == frame.name
    for link in (edge, dispatcher):
        (sent,) = link.outbox._waiting
        assert isinstance(sent.message, Atoms)
        assert sent.message.frame == frame.name
    assert edge.inbox.finished == 2
    assert service.wakes > 0


async def test_frames_are_looked_at_in_the_order_they_came() -> None:
    service = Service()
    edge = service.up(EDGE)
    async with working(service):
        for index in range(5):
            pixels = np.full((64, 64), index + 1, np.uint16)
            frame, payload = frame_of(pixels, index)
            service.deliver(EDGE, edge, Envelope(frame, (payload,), index + 1))
        await until(lambda: len(service.eye.looked_at) == 5)
    assert service.eye.looked_at == [1, 2, 3, 4, 5]


async def test_a_frame_without_atoms_is_refused_with_the_reason_and_work_goes_on() -> None:
    service = Service()
    edge = service.up(EDGE)
    dark, dark_payload = frame_of(np.zeros((64, 64), np.uint16))
    light, light_payload = frame_of(np.ones((64, 64), np.uint16), 1)
    async with working(service):
        service.deliver(EDGE, edge, Envelope(dark, (dark_payload,), 1))
        service.deliver(EDGE, edge, Envelope(light, (light_payload,), 2))
        await until(lambda: edge.inbox.finished == 3)
    nacks = [message for message in said(edge) if isinstance(message, Nack)]
    assert [nack.seq for nack in nacks] == [1]
    assert "Open the beam valve" in nacks[0].reason
    failed = service.session.frame(dark.name)
    assert failed is not None
    assert failed.failure is not None


async def test_a_defect_of_the_eye_costs_one_frame_and_not_the_service() -> None:
    service = Service(eye=ClumsyEye())
    edge = service.up(EDGE)
    async with working(service):
        for index, level in enumerate((13, 1)):
            frame, payload = frame_of(np.full((64, 64), level, np.uint16), index)
            service.deliver(EDGE, edge, Envelope(frame, (payload,), index + 1))
        await until(lambda: edge.inbox.finished == 3)
    nacks = [message for message in said(edge) if isinstance(message, Nack)]
    assert [nack.seq for nack in nacks] == [1]
    assert "ZeroDivisionError" in nacks[0].reason
    assert service.session.latest_analysed is not None


async def test_pixels_that_do_not_match_their_name_are_refused() -> None:
    service = Service()
    edge = service.up(EDGE)
    frame, _ = frame_of(np.ones((64, 64), np.uint16))
    async with working(service):
        wrong = encode_pixels(np.zeros((64, 64), np.uint16), "raw")
        service.deliver(EDGE, edge, Envelope(frame, (wrong,), 1))
        await until(lambda: edge.inbox.finished == 2)
    assert service.session.frames() == []


def test_a_frame_larger_than_the_service_takes_is_refused_before_it_is_unpacked() -> None:
    service = Service(settings=LinkSettings(max_frame_bytes=100))
    edge = service.up(EDGE)
    frame, payload = frame_of(np.ones((64, 64), np.uint16))
    service.deliver(EDGE, edge, Envelope(frame, (payload,), 1))
    (nack,) = [message for message in said(edge) if isinstance(message, Nack)]
    assert "link.max_frame_bytes" in nack.reason
    assert service.analyst.waiting == 0


def test_an_edge_cannot_speak_for_the_dispatcher() -> None:
    service = Service()
    edge = service.up(EDGE)
    job = Job(key="j", roi="r", recipe="relax", level="gfn1", state="done", updated_at_ns=0)
    service.deliver(EDGE, edge, Envelope(job, (), 1))
    assert service.session.jobs() == []
    assert any(isinstance(message, Nack) for message in said(edge))


def test_states_and_jobs_reach_the_session() -> None:
    service = Service()
    edge, dispatcher = service.up(EDGE), service.up(DISPATCHER)
    status = EdgeStatus(
        source="t", state="acquiring", offered=3, accepted=2, skipped=1, unacknowledged=0
    )
    service.deliver(EDGE, edge, Envelope(status))
    service.deliver(DISPATCHER, dispatcher, Envelope(DispatcherStatus(state="ready", levels=())))
    job = Job(key="j", roi="r", recipe="relax", level="gfn1", state="queued", updated_at_ns=0)
    service.deliver(DISPATCHER, dispatcher, Envelope(job, (), 1))
    assert service.session.peer("edge").status == status
    assert service.session.job("j") == job
    assert dispatcher.inbox.finished == 2


def test_a_peer_counts_as_connected_while_one_of_its_links_is_up() -> None:
    service = Service()
    first, second = service.up(EDGE), service.up(EDGE)
    service.diallers.on_event(EDGE, first, LinkDown("gone"))
    assert service.session.peer("edge").connected
    service.diallers.on_event(EDGE, second, LinkDown("gone"))
    assert not service.session.peer("edge").connected


def test_a_dispatcher_that_takes_nothing_misses_results_which_are_counted() -> None:
    service = Service()
    dispatcher = service.up(DISPATCHER)
    analysis = OneAtomEye().analyze(np.ones((64, 64)), Calibration(pixel_size_A=0.1, source="flag"))
    frame, _ = frame_of(np.ones((64, 64), np.uint16))
    atoms = service.analyst._report(frame, analysis, 0.0)
    for _ in range(40):
        service.diallers.publish(atoms, analysis.table, ())
    assert len(dispatcher.outbox) == 32
    assert service.diallers.missed == {"edge": 0, "dispatcher": 8}


@pytest.mark.parametrize("parts", [(), (b"\xff\xfe",)])
def test_an_answer_without_a_readable_structure_is_refused(parts: tuple[bytes, ...]) -> None:
    from inference_service.diallers import _structure
    from shared.errors import RemoteProtocolError

    job = Job(key="j", roi="r", recipe="relax", level="gfn1", state="done", updated_at_ns=0)
    with pytest.raises(RemoteProtocolError):
        _structure(Envelope(job, parts, 1))


def test_work_carries_what_the_eye_needs() -> None:
    service = Service()
    edge = service.up(EDGE)
    taken: list[Work] = []
    service.diallers.connect(taken.append, lambda: None)
    frame, payload = frame_of(np.ones((64, 64), np.uint16))
    service.deliver(EDGE, edge, Envelope(frame, (payload,), 1))
    assert [(work.frame, bytes(work.payload)) for work in taken] == [(frame, payload)]
