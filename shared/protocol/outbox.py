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
    """Accepted messages in order, kept until the peer acknowledges them.

    Args:
        capacity: Most messages kept.
        capacity_bytes: Most payload bytes kept; one message may always enter an empty outbox.
        keep_until: The acknowledgement level that releases a message.

    Attributes:
        next_seq: Sequence number the next accepted message gets.
        acked: First sequence number not yet acknowledged, by level.
    """

    def __init__(
        self,
        capacity: int = 64,
        capacity_bytes: int = 256 << 20,
        keep_until: AckLevel = AckLevel.INFERRED,
    ) -> None:
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._keep_until = keep_until
        self._kept: deque[Envelope] = deque()
        self._kept_bytes = 0
        self._cursor = 1
        self._limit_seq = 1
        self._window_bytes = 0
        self.next_seq = 1
        self.acked = dict.fromkeys(AckLevel, 1)

    def __len__(self) -> int:
        """Messages accepted and not yet released."""
        return len(self._kept)

    @property
    def first_seq(self) -> int:
        """Oldest sequence number that can still be sent."""
        return self._kept[0].seq if self._kept else self.next_seq

    @property
    def in_flight(self) -> bool:
        """Whether something was sent whose arrival is not acknowledged yet."""
        return self._cursor > max(self.acked[AckLevel.RECEIVED], self.first_seq)

    def has_room(self, nbytes: int) -> bool:
        """Whether a message with `nbytes` of payload would be accepted now."""
        if not self._kept:
            return True
        fits = self._kept_bytes + nbytes <= self._capacity_bytes
        return fits and len(self._kept) < self._capacity

    def offer(self, message: Message, payload: tuple[bytes, ...] = ()) -> int:
        """Accept a message; from here on it is not lost while this process lives.

        Returns:
            Its sequence number.

        Raises:
            OutboxFullError: There is no room; nothing was accepted.
        """
        envelope = Envelope(message, payload, self.next_seq)
        if not self.has_room(envelope.nbytes):
            raise OutboxFullError(
                f"The outbox holds {len(self._kept)} messages "
                f"({self._kept_bytes / 2**20:.0f} MiB) that the peer has not acknowledged.",
                remedy="Check the link and the peer, or raise the outbox's capacity.",
            )
        self._kept.append(envelope)
        self._kept_bytes += envelope.nbytes
        self.next_seq += 1
        return envelope.seq

    def open(self, expects_seq: int, limit_seq: int, window_bytes: int) -> None:
        """Start a conversation: resume at `expects_seq` with the peer's first credit."""
        self.acknowledge(AckLevel.RECEIVED, expects_seq)
        self._cursor = max(expects_seq, self.first_seq)
        self._limit_seq, self._window_bytes = limit_seq, window_bytes

    def allow(self, limit_seq: int, window_bytes: int) -> None:
        """Take further credit; a smaller limit than before is ignored."""
        self._limit_seq = max(self._limit_seq, limit_seq)
        self._window_bytes = window_bytes

    def acknowledge(self, level: AckLevel, next_seq: int) -> bool:
        """Take note that everything below `next_seq` has reached `level`.

        Returns:
            Whether this was news.
        """
        upto = min(next_seq, self.next_seq)
        news = upto > self.acked[level]
        for reached in AckLevel:
            if reached <= level:
                self.acked[reached] = max(self.acked[reached], upto)
        while self._kept and self._kept[0].seq < self.acked[self._keep_until]:
            self._kept_bytes -= self._kept.popleft().nbytes
        return news

    def rewind(self, seq: int) -> None:
        """Send again from `seq` on: the peer could not use what arrived."""
        self._cursor = max(self.first_seq, min(seq, self._cursor))

    def blank(self, seq: int) -> bool:
        """Drop the payload of a message the peer will never use; its number stays taken.

        Returns:
            Whether the message was still kept.
        """
        for position, envelope in enumerate(self._kept):
            if envelope.seq == seq:
                self._kept_bytes -= envelope.nbytes
                self._kept[position] = replace(envelope, payload=())
                return True
        return False

    def sendable(self) -> Envelope | None:
        """Return the next message that credit allows, and count it as sent."""
        self._cursor = max(self._cursor, self.first_seq)
        if not self.first_seq <= self._cursor < min(self.next_seq, self._limit_seq):
            return None
        position = self._cursor - self.first_seq
        envelope = self._kept[position]
        under_way = self._bytes_under_way(position)
        if under_way and under_way + envelope.nbytes > self._window_bytes:
            return None
        self._cursor += 1
        return envelope

    def _bytes_under_way(self, position: int) -> int:
        """Payload bytes before `position` whose effect is not acknowledged."""
        start = max(self.acked[AckLevel.INFERRED] - self.first_seq, 0)
        return sum(self._kept[index].nbytes for index in range(start, position))
