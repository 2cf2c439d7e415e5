"""What still has to be told: the newest word about each thing, as fast as the link takes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.messages import Message, Roi
from shared.protocol import Outbox

__all__ = ["PROGRESS_S", "Outgoing"]

PROGRESS_S: Final = 0.5
"""Least time between two words on one job's progress."""


@dataclass(frozen=True, slots=True)
class _Word:
    message: Message
    payload: tuple[bytes, ...]
    not_before_s: float


class Outgoing:
    """Messages that wait for the outbox; a newer one about the same thing replaces an older.

    Args:
        outbox: The stream to the service.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._words: dict[str, _Word] = {}
        self._told_s: dict[str, float] = {}

    def tell(self, about: str, message: Message, payload: tuple[bytes, ...] = ()) -> None:
        """Have something told as soon as there is room.

        Args:
            about: What it is about.
            message: The newest word on that.
            payload: Goes with it.
        """
        self._words.pop(about, None)
        self._words[about] = _Word(message, payload, float("-inf"))

    def mention(self, about: str, message: Message) -> None:
        """Have progress told, at a bounded rate; see `tell`."""
        not_before_s = self._told_s.get(about, float("-inf")) + PROGRESS_S
        self._words[about] = _Word(message, (), not_before_s)

    def flush(self, rois: Iterable[Roi], now_s: float) -> None:
        """Hand to the outbox what fits and is due.

        Args:
            rois: ROIs that changed; drawn from only while there is room.
            now_s: Monotonic clock, s.
        """
        changed = iter(rois)
        while self._outbox.has_room(0):
            roi = next(changed, None)
            if roi is None:
                break
            self._outbox.offer(roi)
        due = [about for about, word in self._words.items() if word.not_before_s <= now_s]
        for about in due:
            word = self._words[about]
            if not self._outbox.has_room(sum(map(len, word.payload))):
                return
            self._outbox.offer(word.message, word.payload)
            self._told_s[about] = now_s
            del self._words[about]

    @property
    def delayed(self) -> bool:
        """Whether progress waits for its turn."""
        return bool(self._words)
