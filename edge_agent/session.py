"""The acquisition session: its state as a table, its counters, and the chain of frames. Pure.

::

    STARTING ──started──▶ ACQUIRING ──held──▶ PAUSED
        │                  │  ▲  │              │  │
        │                  │  └──┼───released───┘  │
        ├──────ended───────┴─────┼──────ended──────┴──▶ FINISHED
        └──────broke─────────────┴──────broke─────────▶ FAILED
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, Literal

from edge_agent.preprocess import PreparedFrame
from shared.errors import LocalProtocolError
from shared.messages import EdgeStatus, Frame

__all__ = ["TRANSITIONS", "Cause", "Session", "SessionState"]

SessionState = Literal["starting", "acquiring", "paused", "finished", "failed"]


class Cause(Enum):
    """What moves a session from one state to another."""

    STARTED = auto()
    """The source delivered something for the first time."""
    HELD = auto()
    """A source that can wait is kept waiting: the outbox is full."""
    RELEASED = auto()
    """There is room again."""
    ENDED = auto()
    """The source is exhausted or was stopped."""
    BROKE = auto()
    """The source gave up with an error."""


TRANSITIONS: Final[dict[tuple[SessionState, Cause], SessionState]] = {
    ("starting", Cause.STARTED): "acquiring",
    ("starting", Cause.ENDED): "finished",
    ("starting", Cause.BROKE): "failed",
    ("acquiring", Cause.STARTED): "acquiring",
    ("acquiring", Cause.HELD): "paused",
    ("acquiring", Cause.ENDED): "finished",
    ("acquiring", Cause.BROKE): "failed",
    ("paused", Cause.HELD): "paused",
    ("paused", Cause.RELEASED): "acquiring",
    ("paused", Cause.ENDED): "finished",
    ("paused", Cause.BROKE): "failed",
}

_WHY_PAUSED: Final = "waiting until the inference service has answered earlier frames"
_TEXT_LENGTH: Final = 500


class Session:
    """Counts every frame offered and numbers every frame accepted.

    Args:
        name: Identifier of the session.
        source: What is acquired from, in words.

    Attributes:
        name: As given.
        state: Where the session stands.
    """

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.state: SessionState = "starting"
        self._source = source[:_TEXT_LENGTH]
        self._offered = 0
        self._accepted = 0
        self._skipped = 0
        self._refused = 0
        self._previous: str | None = None
        self._last_error: str | None = None

    def follow(self, cause: Cause) -> None:
        """Move on.

        Raises:
            LocalProtocolError: The table has no such transition.
        """
        try:
            self.state = TRANSITIONS[self.state, cause]
        except KeyError:
            raise LocalProtocolError(
                f"A session that is {self.state} cannot follow {cause.name}.",
                remedy="Report this: it is a defect of AtomLoop.",
            ) from None

    def accept(self, prepared: PreparedFrame) -> Frame:
        """Give a frame its number and its place in the chain.

        Returns:
            The header it travels with.
        """
        frame = Frame(
            session=self.name,
            index=self._accepted,
            name=prepared.name,
            previous=self._previous,
            shape=prepared.shape,
            pixel_type=prepared.pixel_type,
            codec=prepared.codec,
            calibration=prepared.calibration,
            acquisition=prepared.acquisition,
        )
        self._offered += 1
        self._accepted += 1
        self._previous = prepared.name
        return frame

    def skip(self, frames: int = 1) -> None:
        """Count frames that the source produced and that were not taken."""
        self._offered += frames
        self._skipped += frames

    def refuse(self, reason: str) -> None:
        """Count an input that cannot be used."""
        self._offered += 1
        self.reject(reason)

    def reject(self, reason: str) -> None:
        """Count an accepted frame that the service cannot use."""
        self._refused += 1
        self._last_error = reason[:_TEXT_LENGTH]

    def fail(self, reason: str) -> None:
        """End the session with an error."""
        self.follow(Cause.BROKE)
        self._last_error = reason[:_TEXT_LENGTH]

    def status(self, unacknowledged: int) -> EdgeStatus:
        """Return the account of every frame.

        Args:
            unacknowledged: Accepted frames whose atoms are not back yet.
        """
        return EdgeStatus(
            source=self._source,
            state=self.state,
            detail=_WHY_PAUSED if self.state == "paused" else None,
            offered=self._offered,
            accepted=self._accepted,
            skipped=self._skipped,
            unacknowledged=unacknowledged,
            refused=self._refused,
            last_error=self._last_error,
        )
