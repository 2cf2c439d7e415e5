"""What the detector says of one frame: atoms, defects, and how far to trust them.

Payload 0 holds the atoms as records of `ATOM` (little-endian, 40 bytes each); payload 1 holds
the defects as a MessagePack list of `Defect` fields.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from shared.messages.base import Digest, Fraction, Identifier, Message, Part, Text

__all__ = [
    "ATOM",
    "REAL_COLUMNS",
    "UNKNOWN_ELEMENT",
    "AtomTable",
    "Atoms",
    "Defect",
    "DefectType",
    "OutOfDistribution",
    "PixelSizeSource",
    "StageTimes",
]

ATOM: Final = np.dtype(
    [
        ("x_px", "<f4"),  # column, minimum-error estimate
        ("y_px", "<f4"),  # row, minimum-error estimate
        ("sigma_x_px", "<f4"),  # one-axis standard error of x_px
        ("sigma_y_px", "<f4"),
        ("x_fit_px", "<f4"),  # column, fit without any prior
        ("y_fit_px", "<f4"),
        ("sigma_fit_px", "<f4"),  # one-axis standard error of the fit
        ("p", "<f4"),  # probability that an atom of this element is there
        ("uncertainty", "<f4"),  # any scale, larger is worse
        ("atomic_number", "u1"),  # 0 = unknown element
        ("coordination", "u1"),  # bonds in the bond graph
        ("flags", "<u2"),  # reserved, 0
    ]
)
"""One atom, in the file's own pixels; pixel centres at integers, x = column, y = row."""

REAL_COLUMNS: Final = tuple(name for name in ATOM.names or () if ATOM[name].kind == "f")
"""The columns of `ATOM` that hold real numbers, in its order; exports write them as they stand."""

AtomTable: TypeAlias = NDArray[np.void]
"""(n_atoms,) array of dtype `ATOM`."""

UNKNOWN_ELEMENT: Final = 0
"""`atomic_number` of an atom whose element is not known; written `X`."""

DefectType = Literal[
    "V1",
    "V2_585",
    "V_555777",
    "SW_5577",
    "Si_C3",
    "Si_C4",
    "Si_edge",
    "Si_dimer",
    "Si_trimer",
    "Si_tetramer",
    "sub_B",
    "sub_N",
    "sub_O",
    "GB",
    "edge",
    "hole",
    "adatom",
    "unknown",
]

PixelSizeSource = Literal["flag", "header", "fft"]


class Defect(Part):
    """A classified group of atoms."""

    type: DefectType
    x_px: float
    """Column of the centroid of the dopants or of the non-hexagonal rings."""
    y_px: float
    """Row of that centroid."""
    p: Fraction
    """Probability that a defect of this type is there."""
    atoms: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Indices into the frame's atoms: the dopants, or the members of the odd rings."""
    path_px: tuple[tuple[float, float], ...] | None = None
    """(column, row) vertices of an extended defect: `GB`, `edge`, `hole`."""


class OutOfDistribution(Part):
    """Whether the frame is something the detector was made for."""

    score: Annotated[float, Field(ge=0)]
    """0 = typical; the flag is raised from 1."""
    flag: bool
    reasons: tuple[Text, ...] = ()


class StageTimes(Part):
    """Where the time went on the service, ms."""

    queue_ms: Annotated[float, Field(ge=0)] = 0.0
    detect_ms: Annotated[float, Field(ge=0)] = 0.0
    refine_ms: Annotated[float, Field(ge=0)] = 0.0
    classify_ms: Annotated[float, Field(ge=0)] = 0.0


class Atoms(Message):
    """Header of an atoms message: the analysis of one frame by one model."""

    kind: Literal["atoms"] = "atoms"
    session: Identifier
    frame: Digest
    frame_index: Annotated[int, Field(ge=0)]
    shape: tuple[int, int]
    """(rows, columns) of the frame."""
    model: Digest
    """Digest of the ensemble that looked."""
    members: Annotated[int, Field(ge=1)]
    n_atoms: Annotated[int, Field(ge=0)]
    pixel_size_A: Annotated[float, Field(gt=0)]
    """The size used: what the image itself says where it says anything."""
    pixel_size_source: PixelSizeSource
    header_pixel_size_A: float | None
    """What the frame's own calibration said."""
    dose_e_A2: float | None
    """Measured or given dose; None with `dose_note` where the gain is unknown."""
    dose_note: Text | None = None
    contamination: Fraction
    """Area fraction under amorphous contamination."""
    cover_px: tuple[tuple[tuple[int, int], ...], ...] = ()
    """(column, row) corners of closed lines around contamination; a point is covered where it lies
    inside an odd number of them."""
    ood: OutOfDistribution
    warnings: tuple[Text, ...] = ()
    """What the operator should know of this frame, such as a contradicted pixel size."""
    drift_A: tuple[float, float] = (0.0, 0.0)
    """(row, column) of this frame's origin in the session's sample frame, Å."""
    times: StageTimes = StageTimes()
