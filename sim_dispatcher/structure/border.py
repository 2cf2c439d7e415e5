"""Where the sheet, or the frame, ends: a cut there is not what was asked for."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.errors import StructureError

__all__ = ["check_border", "coverage_notes"]

Array: TypeAlias = NDArray[np.float64]

UNSEEN_A: Final = 2.0
"""A defect closer to the frame's border than this, Å, may have atoms that were not imaged: the
first neighbours of a silicon are 1.8 Å away."""

SECTORS: Final = 24

SHORT_A: Final = 3.6
"""Whole rings end up to this much inside the radius everywhere, Å: a ring's width and noise."""


def check_border(centre_A: tuple[float, float], bounds_A: tuple[float, float] | None) -> None:
    """Refuse a defect whose own surroundings were not imaged.

    Args:
        centre_A: x, y of the defect in the frame, Å.
        bounds_A: (width, height) of the frame, Å; None = not known.

    Raises:
        StructureError: With the distance to the border.
    """
    depth = _depth(centre_A, bounds_A)
    if depth < UNSEEN_A:
        raise StructureError(
            f"The defect at ({centre_A[0]:.1f}, {centre_A[1]:.1f}) Å is {depth:.1f} Å from the"
            " frame's border: what surrounds it was not imaged.",
            remedy="Move the stage so that the defect comes into the frame, or pick another.",
        )


def coverage_notes(
    members_A: Array,
    centre_A: tuple[float, float],
    radius_A: float,
    bounds_A: tuple[float, float] | None,
) -> tuple[str, ...]:
    """Say where a cut ends before its radius does.

    Args:
        members_A: (n, 2) x, y of the cluster's heavy atoms, Å.
        centre_A: x, y of the defect in the frame, Å.
        radius_A: Radius asked for, Å.
        bounds_A: (width, height) of the frame, Å; None = not known.
    """
    offsets = members_A - np.asarray(centre_A)
    sector = (np.arctan2(offsets[:, 1], offsets[:, 0]) / (2 * np.pi) * SECTORS).astype(int)
    reach = np.zeros(SECTORS)
    np.maximum.at(reach, sector % SECTORS, np.hypot(*offsets.T))
    wide = np.maximum(reach, np.maximum(np.roll(reach, 1), np.roll(reach, -1)))
    depth = _depth(centre_A, bounds_A)
    if wide.min() >= radius_A - SHORT_A:
        return ()
    if depth < radius_A:
        what = f"the frame ends {depth:.1f} Å from the centre"
    else:
        what = f"the sheet ends {wide.min():.1f} Å from the centre"
    return (f"{what}, inside the radius of {radius_A:.1f} Å: the cut is smaller than asked for",)


def _depth(centre_A: tuple[float, float], bounds_A: tuple[float, float] | None) -> float:
    """Return the distance of a place to the nearest border of the frame, Å."""
    if bounds_A is None:
        return float("inf")
    (x, y), (width, height) = centre_A, bounds_A
    return min(x, y, width - x, height - y)
