"""Every message type of AtomLoop, each defined once.

Control messages (`link`) steer the frame link. Data messages (`frame`, `atoms`, `simulation`,
`status`) travel on its sequenced streams. Evolution: a new field has a default, a field never
changes type, a released kind keeps its number (`shared.codec.kinds`).
"""

from shared.messages.atoms import (
    ATOM,
    REAL_COLUMNS,
    UNKNOWN_ELEMENT,
    Atoms,
    AtomTable,
    Defect,
    DefectType,
    OutOfDistribution,
    PixelSizeSource,
    StageTimes,
)
from shared.messages.base import Digest, Fraction, Identifier, Message, Part, Text
from shared.messages.frame import Acquisition, Calibration, Codec, Frame, PixelType
from shared.messages.link import Ack, AckLevel, Beat, Bye, Credit, Hello, Nack, Refused, Welcome
from shared.messages.simulation import (
    Answer,
    BondStatistics,
    Job,
    JobState,
    Level,
    Provenance,
    Recipe,
    Reference,
    RingCensus,
    Roi,
    RoiState,
    SimulationResult,
)
from shared.messages.status import DispatcherStatus, EdgeStatus

__all__ = [
    "ATOM",
    "REAL_COLUMNS",
    "UNKNOWN_ELEMENT",
    "Ack",
    "AckLevel",
    "Acquisition",
    "Answer",
    "AtomTable",
    "Atoms",
    "Beat",
    "BondStatistics",
    "Bye",
    "Calibration",
    "Codec",
    "Credit",
    "Defect",
    "DefectType",
    "Digest",
    "DispatcherStatus",
    "EdgeStatus",
    "Fraction",
    "Frame",
    "Hello",
    "Identifier",
    "Job",
    "JobState",
    "Level",
    "Message",
    "Nack",
    "OutOfDistribution",
    "Part",
    "PixelSizeSource",
    "PixelType",
    "Provenance",
    "Recipe",
    "Reference",
    "Refused",
    "RingCensus",
    "Roi",
    "RoiState",
    "SimulationResult",
    "StageTimes",
    "Text",
    "Welcome",
]
