"""Which number on the wire is which message; a released number is never reused."""

from __future__ import annotations

from typing import Final

from shared.messages import (
    Ack,
    Answer,
    Atoms,
    Beat,
    Bye,
    Credit,
    DispatcherStatus,
    EdgeStatus,
    Frame,
    Hello,
    Job,
    Message,
    Nack,
    Order,
    OrderOutcome,
    Refused,
    Roi,
    Welcome,
)

__all__ = ["KIND_OF", "MESSAGE_OF", "PROTOCOL_VERSION"]

PROTOCOL_VERSION: Final = 1
"""Major version of the wire format; another one is refused with the reason."""

MESSAGE_OF: Final[dict[int, type[Message]]] = {
    1: Hello,
    2: Welcome,
    3: Refused,
    4: Credit,
    5: Ack,
    6: Nack,
    7: Beat,
    8: Bye,
    16: Frame,
    17: Atoms,
    18: Roi,
    19: Job,
    20: Answer,
    21: Order,
    22: OrderOutcome,
    32: EdgeStatus,
    33: DispatcherStatus,
}
"""1-15 control, 16-31 sequenced data, 32-47 soft state (the newest one counts)."""

KIND_OF: Final[dict[type[Message], int]] = {cls: kind for kind, cls in MESSAGE_OF.items()}
