"""What waits for one viewer: at most one frame, the newest, and the set of changed entries.

Sans I/O: decides, sends nothing. A socket's buffer gives no sign of a slow reader, so a viewer
says itself how many frames it has painted, and never has more than its window unpainted.
"""

from __future__ import annotations

from dataclasses import dataclass

from inference_service.records import Change, FrameRecord

__all__ = ["Mailbox", "MailboxStatistics"]


@dataclass(frozen=True, slots=True)
class MailboxStatistics:
    """A viewer's account: every frame offered is sent, skipped or still waiting."""

    offered: int
    sent: int
    painted: int
    skipped: int
    """Frames replaced by a newer one before they were sent."""


class Mailbox:
    """Decides what one viewer gets next.

    Args:
        window: Frames that may be sent and not yet painted.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._waiting: FrameRecord | None = None
        self._changed: dict[tuple[str, str], None] = {}
        self._offered = 0
        self._sent = 0
        self._painted = 0
        self._skipped = 0

    def offer_frame(self, record: FrameRecord) -> None:
        """Let the newest frame wait; one that waited is skipped.

        Args:
            record: The frame.
        """
        self._offered += 1
        self._skipped += self._waiting is not None
        self._waiting = record

    def offer_change(self, change: Change) -> None:
        """Remember that an entry changed; many changes of one entry are one.

        Args:
            change: The announcement.
        """
        self._changed[(change.kind, change.key)] = None

    def painted(self, total: int) -> None:
        """Take the viewer's word on how many frames it has painted so far.

        Args:
            total: Its count since it connected.

        Raises:
            ValueError: More than were sent, or fewer than it said before.
        """
        if not self._painted <= total <= self._sent:
            raise ValueError(f"painted {total}, of {self._sent} sent and {self._painted} before")
        self._painted = total

    def take_frame(self) -> FrameRecord | None:
        """Return the frame to send now, None where nothing waits or credit is used up."""
        if self._waiting is None or self._sent - self._painted >= self._window:
            return None
        record, self._waiting = self._waiting, None
        self._sent += 1
        return record

    def take_changes(self) -> list[tuple[str, str]]:
        """Return the (kind, key) of what changed since the last call."""
        changed, self._changed = list(self._changed), {}
        return changed

    @property
    def statistics(self) -> MailboxStatistics:
        """The account so far."""
        return MailboxStatistics(self._offered, self._sent, self._painted, self._skipped)
