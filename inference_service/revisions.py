"""The count of changes of the live session, and who is told of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from inference_service.records import Change, ChangeKind

__all__ = ["Revisions", "Subscriber"]

Subscriber: TypeAlias = Callable[[Change], None]


class Revisions:
    """Numbers every change and announces it; all calls come from the event-loop thread.

    Attributes:
        number: Changes so far: strictly increasing.
    """

    def __init__(self) -> None:
        self.number = 0
        self._subscribers: list[Subscriber] = []

    def next(self) -> int:
        """Count one more change and return its number."""
        self.number += 1
        return self.number

    def announce(self, kind: ChangeKind, key: str) -> None:
        """Tell every subscriber of the change that was counted last.

        Args:
            kind: What changed.
            key: Names the changed entry.
        """
        change = Change(self.number, kind, key)
        for subscriber in tuple(self._subscribers):
            subscriber(change)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Announce every later change to `subscriber`, which must return at once.

        Args:
            subscriber: Called on the event-loop thread, after the change is in place.

        Returns:
            A function that ends the subscription.
        """
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)
