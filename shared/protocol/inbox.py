"""The receiver's end of a stream: order, duplicates, gaps, credit, acknowledgement."""

from __future__ import annotations

from enum import Enum, auto

__all__ = ["Inbox", "Verdict"]


class Verdict(Enum):
    """What to do with a sequenced message that arrived."""

    NEW = auto()
    """The next one: deliver it."""
    DUPLICATE = auto()
    """Seen before: drop it, acknowledge again."""
    GAP = auto()
    """Something before it is missing: drop it, ask for the missing one."""


class Inbox:
    """Receives one stream in order and grants credit as its effects are done.

    Args:
        window: Messages in flight or being worked on at a time.
        window_bytes: Payload bytes in flight or being worked on at a time.

    Attributes:
        window_bytes: As given.
        stream: The stream being received; None before the first hello.
        expected: Next sequence number to deliver.
        finished: First sequence number whose effect is not done yet.
    """

    def __init__(self, window: int = 8, window_bytes: int = 64 << 20) -> None:
        self._window = window
        self._open: set[int] = set()
        self.window_bytes = window_bytes
        self.stream: str | None = None
        self.expected = 1
        self.finished = 1

    @property
    def limit_seq(self) -> int:
        """Sequence numbers below this may be sent."""
        return self.finished + self._window

    def open(self, stream: str, first_seq: int) -> None:
        """Begin a conversation; a stream seen before resumes where it was.

        Args:
            stream: The stream's name.
            first_seq: First sequence number the sender can still send.
        """
        if stream != self.stream or first_seq > self.expected:
            self.stream = stream
            self.expected = self.finished = first_seq
            self._open.clear()

    def accept(self, seq: int) -> Verdict:
        """Judge an arrival; a NEW one counts against the window until `done`."""
        if seq != self.expected:
            return Verdict.DUPLICATE if seq < self.expected else Verdict.GAP
        self.expected += 1
        self._open.add(seq)
        return Verdict.NEW

    def done(self, seq: int) -> bool:
        """Take note that the effect of `seq` exists; order does not matter.

        Returns:
            Whether `finished` moved, so that credit and acknowledgement are due.
        """
        self._open.discard(seq)
        before = self.finished
        self.finished = min(self._open, default=self.expected)
        return self.finished > before
