"""The frame link as pure state machines: no sockets, no clocks, no threads.

A link joins a dialling side (edge, dispatcher) with the listening side (inference service). Each
direction is a sequenced *stream* with an `Outbox` at its sender and an `Inbox` at its receiver;
`Link` runs one side of a conversation over both. Delivery is at least once on the wire and
exactly once in effect: sequence numbers, absolute credit, cumulative acknowledgement, go-back-N.
"""

from shared.protocol.events import Acknowledged, Delivered, Event, LinkDown, LinkUp, Rejected
from shared.protocol.inbox import Inbox, Verdict
from shared.protocol.link import Identity, Link, Timing
from shared.protocol.outbox import Outbox, OutboxFullError
from shared.protocol.states import LinkState

__all__ = [
    "Acknowledged",
    "Delivered",
    "Event",
    "Identity",
    "Inbox",
    "Link",
    "LinkDown",
    "LinkState",
    "LinkUp",
    "Outbox",
    "OutboxFullError",
    "Rejected",
    "Timing",
    "Verdict",
]
