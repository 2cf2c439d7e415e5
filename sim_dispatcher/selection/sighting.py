"""A sighting: one defect in one frame, placed on the sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.messages import Atoms, Defect

__all__ = ["Sighting", "sightings"]

_POINTS: Final = {"path_px": None}


@dataclass(frozen=True, slots=True)
class Sighting:
    """One defect as one frame shows it.

    Attributes:
        defect: As detected, without the path of an extended one.
        frame: Name of the frame.
        frame_index: Its number in the session.
        session: The sitting it belongs to.
        model: Digest of the detector.
        local_A: (x, y) in the frame, Å; x = column.
        sample_A: (x, y) in the session's sample frame, Å, drift taken out.
        doubt: Why the frame as a whole is not to be trusted; None where it is.
    """

    defect: Defect
    frame: str
    frame_index: int
    session: str
    model: str
    local_A: tuple[float, float]
    sample_A: tuple[float, float]
    doubt: str | None = None


def sightings(atoms: Atoms, defects: Sequence[Defect]) -> list[Sighting]:
    """Place the defects of a frame on the sample.

    Args:
        atoms: Header of the frame's analysis.
        defects: Its defects.

    Returns:
        One sighting per defect, in the same order.
    """
    doubt = "; ".join(atoms.ood.reasons) or "unlike the training data" if atoms.ood.flag else None
    row_A, column_A = atoms.drift_A
    found = []
    for defect in defects:
        x_A, y_A = defect.x_px * atoms.pixel_size_A, defect.y_px * atoms.pixel_size_A
        found.append(
            Sighting(
                defect=defect.model_copy(update=_POINTS),
                frame=atoms.frame,
                frame_index=atoms.frame_index,
                session=atoms.session,
                model=atoms.model,
                local_A=(x_A, y_A),
                sample_A=(x_A + column_A, y_A + row_A),
                doubt=doubt,
            )
        )
    return found
