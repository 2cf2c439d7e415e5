"""The sender's end of a stream: numbers, keeps and repeats what is not yet acknowledged."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from shared.codec import Envelope
from shared.errors import LocalProtocolError
from shared.messages import AckLevel, Message

__all__ = ["Outbox", "OutboxFullError"]


class OutboxFullError(LocalProtocolError):
    """The outbox holds as much as it may; the offer was not accepted."""

    code = "outbox-full"


class Outbox:
    """Accepted messages, kept until the peer acknowledges them.

    A message gets its sequence number when it is first sent. Until then it waits, and a live
    outbox sends the newest first: the operator sees the present, and what fell behind follows
    when there is time.

    Args:
        capacity: Most messages kept.
        capacity_bytes: Most payload bytes kept; one message may always enter an empty outbox.
        newest_first: Whether the newest waiting message goes first, instead of the oldest.

    Attributes:
        next_seq: Sequence number of the next message that is sent for the first time.
        acked: First sequence number not yet acknowledged, by level.
    """

    def __init__(
        self,
        capacity: int = 64,
        capacity_bytes: int = 256 << 20,
        *,
        newest_first: bool = False,
    ) -> None:
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._newest_first = newest_first
        self._waiting: deque[Envelope] = deque()
        self._sent: deque[Envelope] = deque()
        self._kept_bytes = 0
        self._cursor = 1
        self._limit_seq = 1
        self._window_bytes = 0
        self.next_seq = 1
        self.acked = dict.fromkeys(AckLevel, 1)

    def __len__(self) -> int:
        """Messages accepted and not yet released."""
        return len(self._waiting) + len(self._sent)

    @property
    def first_seq(self) -> int:
        """Oldest sequence number that can still be sent."""
        return self._sent[0].seq if self._sent else self.next_seq

    @property
    def in_flight(self) -> bool:
        """Whether something was sent whose arrival is not acknowledged yet."""
        return self._cursor > max(self.acked[AckLevel.RECEIVED], self.first_seq)

    def has_room(self, nbytes: int) -> bool:
        """Whether a message with `nbytes` of payload would be accepted now."""
        if not len(self):
            return True
        fits = self._kept_bytes + nbytes <= self._capacity_bytes
        return fits and len(self) < self._capacity

    def offer(self, message: Message, payload: tuple[bytes, ...] = ()) -> None:
        """Accept a message; from here on it is not lost while this process lives.

        Raises:
            OutboxFullError: There is no room; nothing was accepted.
        """
        envelope = Envelope(message, payload)
        if not self.has_room(envelope.nbytes):
            raise OutboxFullError(
                f"The outbox holds {len(self)} messages "
                f"({self._kept_bytes / 2**20:.0f} MiB) that the peer has not acknowledged.",
                remedy="Check the link and the peer, or raise the outbox's capacity.",
            )
        self._waiting.append(envelope)
        self._kept_bytes += envelope.nbytes

    def sent(self, seq: int) -> Message | None:
        """Return a message that was sent and is still kept."""
        position = seq - self.first_seq
        return self._sent[position].message if 0 <= position < len(self._sent) else None

    def open(self, expects_seq: int, limit_seq: int, window_bytes: int) -> None:
        """Start a conversation: resume at `expects_seq` with the peer's first credit."""
        self.acknowledge(AckLevel.RECEIVED, expects_seq)
        self._cursor = min(max(expects_seq, self.first_seq), self.next_seq)
        self._limit_seq, self._window_bytes = limit_seq, window_bytes

    def allow(self, limit_seq: int, window_bytes: int) -> None:
        """Take further credit; a smaller limit than before is ignored."""
        self._limit_seq = max(self._limit_seq, limit_seq)
        self._window_bytes = window_bytes

    def acknowledge(self, level: AckLevel, next_seq: int) -> bool:
        """Take note that everything below `next_seq` has reached `level`.

        Messages are released once their effect exists.

        Returns:
            Whether this was news.
        """
        upto = min(next_seq, self.next_seq)
        news = upto > self.acked[level]
        for reached in AckLevel:
            if reached <= level:
                self.acked[reached] = max(self.acked[reached], upto)
        while self._sent and self._sent[0].seq < self.acked[AckLevel.INFERRED]:
            self._kept_bytes -= self._sent.popleft().nbytes
        return news

    def rewind(self, seq: int) -> None:
        """Send again from `seq` on: the peer could not use what arrived."""
        self._cursor = max(self.first_seq, min(seq, self._cursor))

    def sendable(self) -> Envelope | None:
        """Return the next message that credit allows, and count it as sent."""
        self._cursor = max(self._cursor, self.first_seq)
        envelope = self._next()
        if envelope is None or self._cursor >= self._limit_seq:
            return None
        under_way = sum(each.nbytes for each in self._sent if each.seq < self._cursor)
        if under_way and under_way + envelope.nbytes > self._window_bytes:
            return None
        if self._cursor == self.next_seq:
            envelope = self._number(envelope)
        self._cursor += 1
        return envelope

    def _next(self) -> Envelope | None:
        """Return what would be sent next: a repetition, or the first of those that wait."""
        if self._cursor < self.next_seq:
            return self._sent[self._cursor - self.first_seq]
        if not self._waiting:
            return None
        return self._waiting[-1 if self._newest_first else 0]

    def _number(self, envelope: Envelope) -> Envelope:
        """Move a waiting message to the sent ones, with its sequence number."""
        (self._waiting.pop if self._newest_first else self._waiting.popleft)()
        numbered = replace(envelope, seq=self.next_seq)
        self._sent.append(numbered)
        self.next_seq += 1
        return numbered
