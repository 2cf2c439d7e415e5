"""The frame link's state machines, run without sockets under a seeded, faulty network."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.codec import Envelope
from shared.messages import AckLevel, Bye, EdgeStatus, Hello, Job, Refused
from shared.protocol import (
    Delivered,
    Identity,
    Inbox,
    Link,
    LinkDown,
    LinkState,
    LinkUp,
    Outbox,
    OutboxFullError,
    Rejected,
    Timing,
    Verdict,
)


def job(number: int) -> Job:
    return Job(
        key=f"job-{number}",
        roi="roi",
        recipe="relax",
        level="gfn1",
        state="queued",
        updated_at_ns=number,
    )


@dataclass
class Side:
    """One link, what it has delivered, and the wire towards it."""

    link: Link
    wire: deque[Envelope] = field(default_factory=deque)
    got: list[int] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)


class World:
    """Two sides, a virtual clock and a wire that can lose, damage and cut."""

    def __init__(
        self,
        seed: int = 0,
        capacity: int = 8,
        window: int = 4,
        *,
        works: bool = True,
        live: bool = False,
    ) -> None:
        self.works = works
        self.random = random.Random(seed)
        self.now = 0.0
        self.restarts = 0
        edge = Identity("edge", "edge-1", "atomloop test", "edge-stream")
        self.edge = Side(Link(edge, Outbox(capacity, newest_first=live), Inbox(window), Timing()))
        self.window = window
        self.service = self._new_service()
        self.received: list[int] = []

    def _new_service(self) -> Side:
        self.restarts += 1
        name = Identity("service", "service", "atomloop test", f"service-{self.restarts}")
        return Side(Link(name, Outbox(), Inbox(self.window), Timing()))

    def restart_service(self) -> None:
        self.service = self._new_service()
        self.edge.wire.clear()

    def cut(self) -> None:
        self.edge.wire.clear()
        self.service.wire.clear()

    def step(self, damage: float = 0.0, lag: float = 0.0) -> list[object]:
        """Pass 50 ms: tick, exchange, finish work."""
        self.now += 0.05
        events: list[object] = []
        for here, there in ((self.edge, self.service), (self.service, self.edge)):
            events += here.link.tick(self.now, int(self.now * 1e9))
            there.wire.extend(here.link.outgoing())
        for side in (self.edge, self.service):
            while side.wire and self.random.random() >= lag:
                envelope = side.wire.popleft()
                if envelope.seq and self.random.random() < damage:
                    side.link.damaged(envelope.seq, "flipped bit")
                    continue
                events += self._deliver(side, envelope)
            self._work(side)
        return events

    def _deliver(self, side: Side, envelope: Envelope) -> list[object]:
        events = side.link.receive(envelope, self.now, int(self.now * 1e9))
        for event in events:
            if isinstance(event, Delivered) and event.envelope.seq:
                message = event.envelope.message
                assert isinstance(message, Job)
                side.got.append(message.updated_at_ns)
                side.undone.append(event.envelope.seq)
                if side is self.service:
                    self.received.append(message.updated_at_ns)
        return list(events)

    def _work(self, side: Side) -> None:
        self.random.shuffle(side.undone)
        while self.works and side.undone and self.random.random() < 0.7:
            side.link.done(side.undone.pop())

    def run(self, seconds: float, **faults: float) -> list[object]:
        events: list[object] = []
        for _ in range(int(seconds / 0.05)):
            events += self.step(**faults)
        return events


def test_a_fresh_edge_is_welcomed_and_its_messages_arrive_in_order() -> None:
    world = World()
    for number in range(5):
        world.edge.link.outbox.offer(job(number))
    events = world.run(1.0)
    assert any(isinstance(event, LinkUp) for event in events)
    assert world.service.got == list(range(5))
    assert len(world.edge.link.outbox) == 0
    assert world.edge.link.outbox.acked[AckLevel.INFERRED] == 6


def test_no_more_than_the_window_is_in_flight_until_work_is_done() -> None:
    world = World(capacity=20, window=4, works=False)
    for number in range(20):
        world.edge.link.outbox.offer(job(number))
    world.run(2.0)
    assert world.service.got == [0, 1, 2, 3]


def test_a_full_outbox_says_so_and_keeps_what_it_has() -> None:
    outbox = Outbox(capacity=2)
    outbox.offer(job(0))
    outbox.offer(job(1))
    with pytest.raises(OutboxFullError, match="2 messages"):
        outbox.offer(job(2))
    assert len(outbox) == 2
    outbox.open(1, 9, 0)
    assert outbox.sendable() is not None
    outbox.acknowledge(AckLevel.INFERRED, 2)
    outbox.offer(job(2))
    assert len(outbox) == 2


def test_a_message_larger_than_the_byte_budget_still_enters_an_empty_outbox() -> None:
    outbox = Outbox(capacity_bytes=10)
    outbox.offer(job(0), (b"x" * 100,))
    with pytest.raises(OutboxFullError):
        outbox.offer(job(1), (b"x",))


def test_a_live_outbox_sends_the_newest_first_and_the_rest_when_there_is_time() -> None:
    outbox = Outbox(newest_first=True)
    outbox.open(1, 2, 0)
    for number in range(3):
        outbox.offer(job(number))
    first = outbox.sendable()
    assert first is not None
    assert (first.seq, first.message) == (1, job(2))
    outbox.offer(job(3))
    outbox.allow(9, 0)
    rest = [outbox.sendable() for _ in range(3)]
    assert [each.message for each in rest if each] == [job(3), job(1), job(0)]
    assert [each.seq for each in rest if each] == [2, 3, 4]


def test_what_was_sent_is_repeated_in_its_order_before_anything_newer() -> None:
    outbox = Outbox(newest_first=True)
    outbox.open(1, 9, 0)
    for number in range(2):
        outbox.offer(job(number))
    sent = [outbox.sendable(), outbox.sendable()]
    outbox.offer(job(2))
    outbox.rewind(1)
    again = [outbox.sendable() for _ in range(3)]
    assert again[:2] == sent
    assert again[2] is not None
    assert again[2].message == job(2)


def test_bytes_in_flight_respect_the_byte_credit() -> None:
    outbox = Outbox()
    for number in range(3):
        outbox.offer(job(number), (bytes(60),))
    outbox.open(1, 100, 130)
    assert [outbox.sendable() is None for _ in range(3)] == [False, False, True]
    outbox.acknowledge(AckLevel.RECEIVED, 3)
    assert outbox.sendable() is None
    outbox.acknowledge(AckLevel.INFERRED, 2)
    assert outbox.sendable() is not None


def test_acknowledged_at_received_is_kept_until_inferred() -> None:
    outbox = Outbox()
    outbox.offer(job(0))
    outbox.open(1, 9, 0)
    assert outbox.sendable() is not None
    assert outbox.acknowledge(AckLevel.RECEIVED, 2)
    assert len(outbox) == 1
    assert outbox.acknowledge(AckLevel.INFERRED, 2)
    assert len(outbox) == 0
    assert not outbox.acknowledge(AckLevel.INFERRED, 2)


def test_the_inbox_tells_new_from_duplicate_from_gap() -> None:
    inbox = Inbox(window=4)
    inbox.open("s", 1)
    assert inbox.accept(1) is Verdict.NEW
    assert inbox.accept(1) is Verdict.DUPLICATE
    assert inbox.accept(3) is Verdict.GAP
    assert not inbox.done(2)
    assert inbox.done(1)
    assert inbox.limit_seq == 6


def test_a_restarted_service_gets_every_message_whose_effect_it_had_not_confirmed() -> None:
    world = World(capacity=50)
    for number in range(10):
        world.edge.link.outbox.offer(job(number))
    world.run(0.3)
    world.restart_service()
    for number in range(10, 20):
        world.edge.link.outbox.offer(job(number))
    world.run(10.0)
    assert set(world.received) == set(range(20))
    assert len(world.edge.link.outbox) == 0


def test_silence_takes_the_link_down_and_a_heal_brings_it_back() -> None:
    world = World()
    world.run(1.0)
    assert world.edge.link.state is LinkState.OPEN
    down: list[object] = []
    for _ in range(120):
        down += world.step(lag=1.0)
        world.cut()
    assert any(isinstance(event, LinkDown) for event in down)
    assert world.edge.link.state is LinkState.DIALLING
    world.run(2.0)
    assert world.edge.link.state is LinkState.OPEN


def test_a_refusal_is_reported_with_its_remedy_and_retried_later() -> None:
    world = World()
    world.edge.link.tick(0.05, 0)
    refusal = Refused(reason="role not allowed", remedy="authorise the key for role edge")
    events = world.edge.link.receive(Envelope(refusal), world.now, 0)
    assert events == [LinkDown(refusal.reason, refusal.remedy)]
    assert world.edge.link.state is LinkState.REFUSED


def test_a_message_that_can_never_be_used_is_rejected_once_and_not_repeated() -> None:
    world = World()
    world.edge.link.outbox.offer(job(0))
    world.edge.link.outbox.offer(job(1))
    world.run(0.2)
    world.edge.link.outbox.offer(job(2))
    world.works = False
    world.step()
    world.service.link.reject(3, "not a frame")
    events = world.run(0.5)
    assert Rejected(job(2), "not a frame") in events


def test_soft_state_bypasses_the_stream() -> None:
    world = World()
    world.run(0.5)
    status = EdgeStatus(
        source="test", state="acquiring", offered=1, accepted=1, skipped=0, unacknowledged=0
    )
    world.edge.link.post(status)
    events = world.run(0.2)
    posted = [e.envelope for e in events if isinstance(e, Delivered)]
    assert posted == [Envelope(status)]
    assert world.edge.link.outbox.next_seq == 1


def test_beats_measure_the_clock_offset_with_its_bound() -> None:
    world = World()
    world.run(3.0)
    offset, bound = world.edge.link.clock_offset_ns, world.edge.link.clock_bound_ns
    assert offset is not None
    assert bound is not None
    assert abs(offset) <= bound + 1


def test_a_farewell_closes_for_good() -> None:
    world = World()
    world.run(0.5)
    world.edge.link.close()
    world.run(0.5)
    assert world.edge.link.state is LinkState.CLOSED
    assert world.service.link.state is LinkState.AWAITING
    assert world.edge.link.receive(Envelope(Bye()), world.now, 0) == []


def test_a_stranger_is_told_to_say_hello() -> None:
    world = World()
    world.service.link.receive(Envelope(job(1), (), 1), 0.0, 0)
    (answer,) = world.service.link.outgoing()
    assert isinstance(answer.message, Bye)
    assert not isinstance(answer.message, Hello)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 0.3), st.floats(0, 0.6), st.booleans())
def test_whatever_is_lost_damaged_or_restarted_nothing_accepted_is_missing(
    seed: int, damage: float, lag: float, live: bool
) -> None:
    """G1: every accepted message takes effect, and exactly once per lifetime of the service."""
    world = World(seed, capacity=10, live=live)
    accepted = 0
    for _ in range(300):
        if accepted < 60 and world.edge.link.outbox.has_room(0) and world.random.random() < 0.5:
            world.edge.link.outbox.offer(job(accepted))
            accepted += 1
        chance = world.random.random()
        if chance < 0.01:
            world.restart_service()
        elif chance < 0.02:
            world.cut()
        world.step(damage=damage, lag=lag)
        assert len(world.service.got) == len(set(world.service.got))
        assert live or world.service.got == sorted(world.service.got)
    world.run(60.0)
    assert set(world.received) == set(range(accepted))
    assert len(world.edge.link.outbox) == 0
