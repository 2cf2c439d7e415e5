"""What the live session keeps: one frozen record per frame, ROI, answer and peer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shared.messages import (
    Answer,
    Atoms,
    AtomTable,
    Defect,
    DispatcherStatus,
    EdgeStatus,
    Frame,
    Order,
    OrderOutcome,
    Roi,
)

__all__ = [
    "Analysis",
    "AnswerRecord",
    "Change",
    "ChangeKind",
    "Failure",
    "FrameRecord",
    "OrderRecord",
    "PeerRecord",
    "PeerRole",
    "RoiRecord",
]

ChangeKind = Literal[
    "frame", "atoms", "failure", "roi", "job", "answer", "order", "edge", "dispatcher"
]
PeerRole = Literal["edge", "dispatcher"]


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the detector said of one frame."""

    header: Atoms
    table: AtomTable
    """(n_atoms,) records of `shared.messages.ATOM`, read-only."""
    defects: tuple[Defect, ...]
    at_s: float
    """Monotonic instant of arrival."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a frame has no atoms, and what to do."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One frame of the ring."""

    frame: Frame
    pixels: NDArray[np.generic]
    """(rows, columns), read-only, in the frame's own pixel type."""
    received_at_s: float
    """Monotonic instant of arrival."""
    received_at_ns: int
    """Wall clock of this service at arrival, Unix epoch."""
    revision: int
    analysis: Analysis | None = None
    failure: Failure | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of pixels and atoms held."""
        atoms = self.analysis.table.nbytes if self.analysis else 0
        return int(self.pixels.nbytes) + int(atoms)

    def newer_than(self, other: FrameRecord) -> bool:
        """Tell whether this frame came after `other`: by index, across sessions by arrival."""
        if self.frame.session == other.frame.session:
            return self.frame.index > other.frame.index
        return self.received_at_s > other.received_at_s


@dataclass(frozen=True, slots=True)
class RoiRecord:
    """A ROI as last reported, and the session whose sample frame its position is in."""

    roi: Roi
    session: str | None
    """None where its frame was never seen here: such a ROI must not be drawn."""
    revision: int
    image: str | None = None
    """The frame whose pixels about it are kept; None where there are none."""


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """An answer with its final structure as extended XYZ."""

    answer: Answer
    structure: str
    revision: int
    files: tuple[bytes, ...] | None = ()
    """Contents of its attachments, in their order; None where they were forgotten."""

    @property
    def file_bytes(self) -> int:
        """Bytes of its attached files held now."""
        return sum(map(len, self.files or ()))


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order, and a dispatcher's word on it."""

    order: Order
    outcome: OrderOutcome | None
    """None until a dispatcher has said what became of it."""
    revision: int


@dataclass(frozen=True, slots=True)
class PeerRecord:
    """One dialling-in side: whether it is connected, and its last word."""

    connected: bool = False
    status: EdgeStatus | DispatcherStatus | None = None
    heard_at_s: float | None = None
    """Monotonic instant of its last word or change of connection."""


@dataclass(frozen=True, slots=True)
class Change:
    """An announcement to subscribers; `key` names the changed entry."""

    revision: int
    kind: ChangeKind
    key: str
