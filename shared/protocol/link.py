"""One side of a conversation: hello, credit, acknowledgement, repetition, signs of life."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

from shared.codec import Envelope
from shared.errors import RemoteProtocolError
from shared.messages import (
    Ack,
    AckLevel,
    Beat,
    Bye,
    Credit,
    Hello,
    Message,
    Nack,
    Refused,
    Welcome,
)
from shared.protocol.events import Acknowledged, Delivered, Event, LinkDown, LinkUp, Rejected
from shared.protocol.inbox import Inbox, Verdict
from shared.protocol.outbox import Outbox
from shared.protocol.states import Cause, LinkState, follow

__all__ = ["Identity", "Link", "Timing"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this side is.

    Attributes:
        role: `service` for the listening side.
        name: For people.
        software: Distribution and version.
        stream: Fresh for every start of the process.
    """

    role: Literal["edge", "dispatcher", "service"]
    name: str
    software: str
    stream: str


@dataclass(frozen=True, slots=True)
class Timing:
    """The link's patience, s.

    Attributes:
        beat_s: Between signs of life.
        timeout_s: Silence after which the peer counts as gone.
        dial_s: Between hellos that find no answer.
        retry_s: Between attempts after a refusal.
    repeat_s: Without an acknowledgement of what is in flight, before it is sent again.
    """

    beat_s: float = 1.0
    timeout_s: float = 4.0
    dial_s: float = 0.5
    retry_s: float = 5.0
    repeat_s: float = 10.0


_RESYNC: Final = "unknown conversation: say hello"


class Link:
    """A sans-I/O conversation; the owner feeds it messages and time, and sends what it queues.

    Args:
        identity: Who this side is; role `service` listens, the others dial.
        outbox: The outgoing stream.
        inbox: The incoming stream.
        timing: Patience.

    Attributes:
        state: Where the conversation stands.
        clock_offset_ns: Peer's wall clock minus ours, estimated from the last answered beat.
        clock_bound_ns: Half the round trip of that beat: the estimate's error bound.
    """

    def __init__(
        self,
        identity: Identity,
        outbox: Outbox,
        inbox: Inbox,
        timing: Timing = Timing(),
    ) -> None:
        self.identity = identity
        self.outbox = outbox
        self.inbox = inbox
        self.timing = timing
        self._listens = identity.role == "service"
        self.state = LinkState.AWAITING if self._listens else LinkState.DIALLING
        self.clock_offset_ns: int | None = None
        self.clock_bound_ns: int | None = None
        self._queue: deque[Envelope] = deque()
        self._dials = 0
        self._heard_s = float("-inf")
        self._beat_s = float("-inf")
        self._dial_s = float("-inf")
        self._progress_s = float("-inf")
        self._asked_for = 0

    # --- what the owner calls -------------------------------------------------------------

    def tick(self, now_s: float, wall_ns: int) -> list[Event]:
        """Let time pass: dial, beat, notice silence.

        Args:
            now_s: Monotonic clock, s.
            wall_ns: Wall clock, ns.
        """
        events: list[Event] = []
        if self.state is LinkState.OPEN and now_s - self._heard_s > self.timing.timeout_s:
            events += self._lose(Cause.SILENT, f"nothing heard for {self.timing.timeout_s:g} s")
        if self.state is LinkState.REFUSED and now_s - self._dial_s >= self.timing.retry_s:
            self.state = follow(self.state, Cause.RETRY)
        if self.state is LinkState.DIALLING and now_s - self._dial_s >= self.timing.dial_s:
            self._dial(now_s)
        if self.state is LinkState.OPEN:
            self._keep_alive(now_s, wall_ns)
        return events

    def outgoing(self) -> list[Envelope]:
        """Return everything that may be sent now; each call counts it as sent."""
        if self.state is LinkState.OPEN:
            while (envelope := self.outbox.sendable()) is not None:
                self._queue.append(envelope)
        ready, self._queue = list(self._queue), deque()
        return ready

    def post(self, message: Message) -> None:
        """Send soft state outside the stream: the newest one counts, none is repeated."""
        if self.state is LinkState.OPEN:
            self._say(message)

    def receive(self, envelope: Envelope, now_s: float, wall_ns: int) -> list[Event]:
        """Take in a message from the peer.

        Raises:
            RemoteProtocolError: The peer said something only the other side may say.
        """
        self._heard_s = now_s
        message = envelope.message
        if self.state is LinkState.CLOSED:
            return []
        if isinstance(message, Hello):
            return self._on_hello(message, now_s)
        if isinstance(message, Welcome | Refused):
            return self._on_answer(message, now_s)
        if self.state is not LinkState.OPEN:
            return self._on_stranger()
        return self._on_open(envelope, now_s, wall_ns)

    def damaged(self, seq: int, reason: str) -> None:
        """Report a message that could not be decoded; a sequenced one is asked for again.

        Args:
            seq: The sequence number it claimed, 0 if unknown.
            reason: What was wrong with it.
        """
        if self.state is LinkState.OPEN and seq >= self.inbox.expected:
            if seq == self.inbox.expected:
                self._asked_for = 0
            self._ask_again(self.inbox.expected, reason)

    def reject(self, seq: int, reason: str) -> None:
        """Tell the peer that a delivered message can never be used; counts as done."""
        self._say(Nack(seq=seq, reason=reason[:500], resend=False))
        self.done(seq)

    def done(self, seq: int) -> None:
        """Confirm that the effect of a delivered message exists."""
        if self.inbox.done(seq) and self.state is LinkState.OPEN:
            self._confirm()

    def close(self, reason: str = "stopped") -> None:
        """Say farewell; nothing more will be sent."""
        if self.state is LinkState.OPEN:
            self._say(Bye(reason=reason))
        if self.state is not LinkState.CLOSED:
            self.state = follow(self.state, Cause.CLOSED)

    def _keep_alive(self, now_s: float, wall_ns: int) -> None:
        if now_s - self._beat_s >= self.timing.beat_s:
            self._beat_s = now_s
            self._confirm()
            if not self._listens:
                self._say(Beat(sent_at_ns=wall_ns))
        if not self.outbox.in_flight:
            self._progress_s = now_s
        elif now_s - self._progress_s > self.timing.repeat_s:
            self._progress_s = now_s
            self.outbox.rewind(self.outbox.acked[AckLevel.RECEIVED])

    # --- conversation ---------------------------------------------------------------------

    def _dial(self, now_s: float) -> None:
        self._dials += 1
        self._dial_s = now_s
        self._say(
            Hello(
                role="edge" if self.identity.role == "edge" else "dispatcher",
                name=self.identity.name,
                software=self.identity.software,
                stream=self.identity.stream,
                dial=self._dials,
                next_seq=self.outbox.first_seq,
                expects_stream=self.inbox.stream,
                expects_seq=self.inbox.expected,
            )
        )

    def _on_hello(self, hello: Hello, now_s: float) -> list[Event]:
        if not self._listens:
            raise RemoteProtocolError(
                "The listening side said hello.", remedy="Check the endpoint."
            )
        self.state = follow(self.state, Cause.HELLO)
        self._queue.clear()
        self._asked_for = 0
        self._progress_s = now_s
        self.inbox.open(hello.stream, hello.next_seq)
        known = hello.expects_stream == self.identity.stream
        resume = hello.expects_seq if known else self.outbox.first_seq
        self._say(
            Welcome(
                software=self.identity.software,
                dial=hello.dial,
                stream=self.identity.stream,
                next_seq=self.outbox.first_seq,
                expects_seq=self.inbox.expected,
                limit_seq=self.inbox.limit_seq,
                window_bytes=self.inbox.window_bytes,
            )
        )
        self.outbox.open(resume, resume, 0)
        return [LinkUp(f"{hello.role} {hello.name}", hello.software)]

    def _on_answer(self, answer: Welcome | Refused, now_s: float) -> list[Event]:
        dialled = self.state is LinkState.DIALLING
        if isinstance(answer, Refused) and (dialled or self.state is LinkState.OPEN):
            self._dial_s = now_s
            self.state = follow(self.state, Cause.REFUSED)
            return [LinkDown(answer.reason, answer.remedy)]
        if not dialled or isinstance(answer, Refused) or answer.dial != self._dials:
            return []
        self.state = follow(self.state, Cause.WELCOMED)
        self._asked_for = 0
        self._progress_s = now_s
        self.inbox.open(answer.stream, answer.next_seq)
        self.outbox.open(answer.expects_seq, answer.limit_seq, answer.window_bytes)
        self._confirm()
        return [LinkUp("inference service", answer.software)]

    def _on_stranger(self) -> list[Event]:
        if self._listens:
            self._say(Bye(reason=_RESYNC))
        return []

    def _on_bye(self, bye: Bye) -> list[Event]:
        return self._lose(Cause.ESTRANGED, bye.reason)

    def _lose(self, cause: Cause, reason: str) -> list[Event]:
        self._queue.clear()
        self._dial_s = float("-inf")
        self.state = follow(self.state, Cause.DEPARTED if self._listens else cause)
        return [LinkDown(reason)]

    # --- an open conversation: control, then data -----------------------------------------

    def _on_open(self, envelope: Envelope, now_s: float, wall_ns: int) -> list[Event]:
        match envelope.message:
            case Credit() as credit:
                self.outbox.allow(credit.limit_seq, credit.window_bytes)
            case Ack() as ack:
                return self._on_ack(ack, now_s)
            case Nack() as nack:
                return self._on_nack(nack)
            case Beat() as beat:
                self._on_beat(beat, wall_ns)
            case Bye() as bye:
                return self._on_bye(bye)
            case _:
                return self._on_data(envelope)
        return []

    def _on_data(self, envelope: Envelope) -> list[Event]:
        if not envelope.seq:
            return [Delivered(envelope)]
        verdict = self.inbox.accept(envelope.seq)
        if verdict is Verdict.NEW:
            self._asked_for = 0
            self._say(Ack(level=AckLevel.RECEIVED, next_seq=self.inbox.expected))
            return [Delivered(envelope)]
        if verdict is Verdict.GAP:
            self._ask_again(self.inbox.expected, "a message before this one is missing")
        else:
            self._confirm()
        return []

    def _ask_again(self, seq: int, reason: str) -> None:
        """Ask once per missing message: what follows it in flight is dropped quietly."""
        if self._asked_for != seq:
            self._asked_for = seq
            self._say(Nack(seq=seq, reason=reason[:500], resend=True))

    def _on_ack(self, ack: Ack, now_s: float) -> list[Event]:
        if not self.outbox.acknowledge(ack.level, ack.next_seq):
            return []
        self._progress_s = now_s
        return [Acknowledged(ack.level, ack.next_seq)]

    def _on_nack(self, nack: Nack) -> list[Event]:
        if nack.resend:
            self.outbox.rewind(nack.seq)
            return []
        message = self.outbox.sent(nack.seq)
        return [] if message is None else [Rejected(message, nack.reason)]

    def _on_beat(self, beat: Beat, wall_ns: int) -> None:
        if self._listens:
            self._say(
                Beat(
                    sent_at_ns=wall_ns,
                    echo_sent_at_ns=beat.sent_at_ns,
                    echo_received_at_ns=wall_ns,
                )
            )
        elif beat.echo_sent_at_ns is not None and beat.echo_received_at_ns is not None:
            there = beat.echo_received_at_ns - beat.echo_sent_at_ns
            back = beat.sent_at_ns - wall_ns
            self.clock_offset_ns = (there + back) // 2
            self.clock_bound_ns = max((there - back) // 2, 0)

    def _confirm(self) -> None:
        """Say how far the effects have come and what may be sent; idempotent."""
        if self.inbox.stream is None:
            return
        self._say(Ack(level=AckLevel.INFERRED, next_seq=self.inbox.finished))
        self._say(Credit(limit_seq=self.inbox.limit_seq, window_bytes=self.inbox.window_bytes))

    def _say(self, message: Message) -> None:
        self._queue.append(Envelope(message))
