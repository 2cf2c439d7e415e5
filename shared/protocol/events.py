"""What a link tells its owner."""

from __future__ import annotations

from dataclasses import dataclass

from shared.codec import Envelope
from shared.messages import AckLevel, Message

__all__ = ["Acknowledged", "Delivered", "Event", "LinkDown", "LinkUp", "Rejected"]


@dataclass(frozen=True, slots=True)
class LinkUp:
    """A conversation began.

    Attributes:
        peer: What the other side says it is, for people.
        software: Its distribution and version.
    """

    peer: str
    software: str


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The conversation ended or was refused.

    Attributes:
        reason: Why, in words.
        remedy: What the operator can do; empty where the link mends itself.
    """

    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message arrived, each sequenced one exactly once and in order.

    Attributes:
        envelope: With `seq` 0 for soft state, else to be confirmed by `Link.done`.
    """

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The peer took everything below `next_seq` to `level`.

    Attributes:
        level: How far.
        next_seq: First sequence number that has not come so far.
    """

    level: AckLevel
    next_seq: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """The peer will never use one of our messages.

    Attributes:
        message: Which.
        reason: Why.
    """

    message: Message
    reason: str


Event = LinkUp | LinkDown | Delivered | Acknowledged | Rejected
