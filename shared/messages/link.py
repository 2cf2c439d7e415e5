"""Control messages of the frame link: hello, welcome, credit, acknowledgement, farewell.

They carry no payload and no sequence number. Credit is an absolute limit, so that a lost or
repeated message does no harm: the sequence number up to which may be sent, and how many bytes
may lie between the last acknowledged effect and there.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Literal

from pydantic import Field

from shared.messages.base import Identifier, Message, Text

__all__ = ["Ack", "AckLevel", "Beat", "Bye", "Credit", "Hello", "Nack", "Refused", "Welcome"]

Sequence = Annotated[int, Field(ge=0, lt=2**63)]


class AckLevel(IntEnum):
    """How far a message has come at the receiver; each level implies those below."""

    RECEIVED = 1
    """Checked and in memory."""
    STORED = 2
    """In a journal that survives a power cut."""
    INFERRED = 3
    """Its effect (for a frame: its atoms) exists."""
    DELIVERED = 4
    """The sender has acknowledged the effect in turn."""


class Hello(Message):
    """The dialling side opens, or re-opens after a cut, its outgoing stream."""

    kind: Literal["hello"] = "hello"
    role: Literal["edge", "dispatcher"]
    name: Identifier
    """For people; the peer's identity is its CURVE key, never this field."""
    software: Text
    """Distribution and version."""
    stream: Identifier
    """Fresh for every start of the process: sequence numbers count within it."""
    dial: Annotated[int, Field(ge=1)] = 1
    """Counts the hellos of this stream; the welcome repeats it."""
    next_seq: Sequence
    """First sequence number this side can still send."""
    expects_stream: Identifier | None = None
    """The stream it was receiving from the peer before the cut, if any."""
    expects_seq: Sequence = 1
    """The next sequence number it expects on that stream."""


class Welcome(Message):
    """The listening side accepts: where each direction resumes, and the first credit."""

    kind: Literal["welcome"] = "welcome"
    software: Text
    dial: Annotated[int, Field(ge=1)]
    """The hello this answers; anything that arrives before it is of an older conversation."""
    stream: Identifier
    """The listening side's own outgoing stream."""
    next_seq: Sequence
    """First sequence number the listening side will send on it."""
    expects_seq: Sequence
    """Next sequence number it expects on the dialling side's stream."""
    limit_seq: Sequence
    """Credit: the dialling side may send sequence numbers below this."""
    window_bytes: Annotated[int, Field(ge=0)]
    """Credit: and keep this many bytes of payload at most without acknowledged effect."""


class Refused(Message):
    """The listening side will not talk: version, role or key."""

    kind: Literal["refused"] = "refused"
    reason: Text
    remedy: Text


class Credit(Message):
    """The receiver of a stream allows more; repeated with every beat, for one may be lost."""

    kind: Literal["credit"] = "credit"
    limit_seq: Sequence
    """Sequence numbers below this may be sent."""
    window_bytes: Annotated[int, Field(ge=0)]
    """Bytes of payload that may be under way without acknowledged effect."""


class Ack(Message):
    """Everything on the stream below `next_seq` has reached `level`."""

    kind: Literal["ack"] = "ack"
    level: AckLevel
    next_seq: Sequence


class Nack(Message):
    """One message could not be used; `resend` says whether the same bytes may help."""

    kind: Literal["nack"] = "nack"
    seq: Sequence
    reason: Text
    resend: bool


class Beat(Message):
    """A sign of life, once a second each way, which also compares the clocks."""

    kind: Literal["beat"] = "beat"
    sent_at_ns: int
    """Wall clock of the sender."""
    echo_sent_at_ns: int | None = None
    """`sent_at_ns` of the beat this one answers."""
    echo_received_at_ns: int | None = None
    """When that one arrived, by the answering side's wall clock."""


class Bye(Message):
    """A clean farewell; nothing more will be sent on the stream."""

    kind: Literal["bye"] = "bye"
    reason: Text = "stopped"
