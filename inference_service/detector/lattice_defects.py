"""Bring found atoms to `shared.lattice`, and bonds and defects back to the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.lattice import LatticeDefect, LatticeView, find_defects, survey
from shared.messages import Defect

__all__ = ["SYMBOLS", "Lattice", "read_lattice"]

SYMBOLS: Final = {0: "X", 5: "B", 6: "C", 7: "N", 8: "O", 14: "Si"}
"""Symbols of the atomic numbers that the detector names."""
OBSCURED_FROM: Final = 0.5
"""Contamination from which an atom's neighbours may be hidden."""
BONDS_OF: Final = {"Si_C3": 3, "Si_C4": 4}
"""Classes that say how many bonds their one atom has, faint neighbours weighed in."""

FloatArray = NDArray[np.float64]
Frame = tuple[tuple[int, int], float]
"""(rows, columns) and the pixel size in Å."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """What the bonds of a frame's atoms say."""

    coordination: NDArray[np.uint8]
    """(n,) bonds of each atom; 0 for atoms that are not present or lie on the sheet."""
    defects: tuple[Defect, ...]


def read_lattice(
    xy_px: FloatArray,
    atomic_number: NDArray[np.uint8],
    p: FloatArray,
    contamination: FloatArray,
    frame: Frame,
) -> Lattice:
    """Bond the atoms of a frame once; count the bonds and classify the defects.

    Args:
        xy_px: (n, 2) column, row.
        atomic_number: (n,) 0 = unknown.
        p: (n,) probability of each atom.
        contamination: (n,) probability that it lies under amorphous matter.
        frame: (rows, columns) and the pixel size in Å.
    """
    (rows, cols), pixel = frame
    bounds = (cols * pixel, rows * pixel)
    veiled = contamination > OBSCURED_FROM
    view = survey(xy_px * pixel, symbols(atomic_number), p, bounds, veiled)
    found = find_defects(view)
    return Lattice(
        coordination=_bonds(view, found, len(p)),
        defects=tuple(_in_pixels(one, pixel) for one in found),
    )


def symbols(atomic_number: NDArray[np.uint8]) -> list[str]:
    """Chemical symbols, `X` for unknown."""
    return [SYMBOLS[int(z)] for z in atomic_number]


def _bonds(view: LatticeView, found: Sequence[LatticeDefect], n: int) -> NDArray[np.uint8]:
    """Return (n,) bonds of the caller's atoms; the class of a lone silicon has the last word."""
    bonds = np.zeros(n, dtype=np.uint8)
    bonds[view.index] = np.minimum(view.graph.coordination, 255)
    for one in found:
        if one.type in BONDS_OF:
            bonds[list(one.atoms)] = BONDS_OF[one.type]
    return bonds


def _in_pixels(one: LatticeDefect, pixel_A: float) -> Defect:
    """Return a defect in the frame's pixels."""
    path = one.path_A
    return Defect(
        type=one.type,
        x_px=one.x_A / pixel_A,
        y_px=one.y_A / pixel_A,
        p=one.p,
        atoms=one.atoms,
        path_px=None if path is None else tuple((x / pixel_A, y / pixel_A) for x, y in path),
    )
