"""The states of one side of a link, as a table.

Two rules for this file: every transition stands in `TRANSITIONS`, and nothing here does I/O.

::

    DIALLING ──welcomed──▶ OPEN ──silent | estranged──▶ DIALLING
        │                   │
        ├──refused──▶ REFUSED ◀──refused (OPEN); REFUSED ──retry──▶ DIALLING
        └──closed──▶ CLOSED ◀──closed──┘

    AWAITING ──hello──▶ OPEN ──departed──▶ AWAITING

The upper picture is the dialling side's, the lower one the listening side's.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from shared.errors import LocalProtocolError

__all__ = ["TRANSITIONS", "Cause", "LinkState", "follow"]


class LinkState(Enum):
    """Where one side of a conversation stands."""

    AWAITING = auto()
    """Listening side: no hello yet."""
    DIALLING = auto()
    """Dialling side: hello sent, no welcome yet."""
    OPEN = auto()
    """Data flows, as far as credit allows."""
    REFUSED = auto()
    """The listening side will not talk; the reason is known."""
    CLOSED = auto()
    """A farewell was said; final."""


class Cause(Enum):
    """What moves a link from one state to another."""

    HELLO = auto()
    WELCOMED = auto()
    REFUSED = auto()
    RETRY = auto()
    SILENT = auto()
    """Nothing heard for longer than the peer's timeout."""
    ESTRANGED = auto()
    """The peer does not know the conversation: it restarted."""
    DEPARTED = auto()
    """The dialling side is silent or said farewell; it may dial again."""
    CLOSED = auto()


TRANSITIONS: Final[dict[tuple[LinkState, Cause], LinkState]] = {
    (LinkState.AWAITING, Cause.HELLO): LinkState.OPEN,
    (LinkState.AWAITING, Cause.CLOSED): LinkState.CLOSED,
    (LinkState.DIALLING, Cause.WELCOMED): LinkState.OPEN,
    (LinkState.DIALLING, Cause.REFUSED): LinkState.REFUSED,
    (LinkState.DIALLING, Cause.CLOSED): LinkState.CLOSED,
    (LinkState.REFUSED, Cause.RETRY): LinkState.DIALLING,
    (LinkState.REFUSED, Cause.CLOSED): LinkState.CLOSED,
    (LinkState.OPEN, Cause.HELLO): LinkState.OPEN,
    (LinkState.OPEN, Cause.REFUSED): LinkState.REFUSED,
    (LinkState.OPEN, Cause.SILENT): LinkState.DIALLING,
    (LinkState.OPEN, Cause.ESTRANGED): LinkState.DIALLING,
    (LinkState.OPEN, Cause.DEPARTED): LinkState.AWAITING,
    (LinkState.OPEN, Cause.CLOSED): LinkState.CLOSED,
}


def follow(state: LinkState, cause: Cause) -> LinkState:
    """Return the state after `cause`.

    Raises:
        LocalProtocolError: The table has no such transition.
    """
    try:
        return TRANSITIONS[state, cause]
    except KeyError:
        raise LocalProtocolError(
            f"A link that is {state.name} cannot follow {cause.name}.",
            remedy="Report this: it is a defect of AtomLoop.",
        ) from None
