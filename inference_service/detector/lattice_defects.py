"""Bring found atoms to `shared.lattice` and its defects back to pixels."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.lattice import classify, find_bonds
from shared.messages import Defect

__all__ = ["SYMBOLS", "coordination", "find_defects"]

SYMBOLS: Final = {0: "X", 5: "B", 6: "C", 7: "N", 8: "O", 14: "Si"}
"""Symbols of the atomic numbers that the detector names."""
OBSCURED_FROM: Final = 0.5
"""Contamination from which an atom's neighbours may be hidden."""

FloatArray = NDArray[np.float64]


def symbols(atomic_number: NDArray[np.uint8]) -> list[str]:
    """Chemical symbols, `X` for unknown."""
    return [SYMBOLS[int(z)] for z in atomic_number]


def coordination(
    xy_A: FloatArray, atomic_number: NDArray[np.uint8], present: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Bonds of each atom among those present; 0 for the others."""
    bonds = np.zeros(len(xy_A), dtype=np.uint8)
    if present.any():
        graph = find_bonds(xy_A[present], symbols(atomic_number[present]))
        bonds[present] = np.minimum(graph.coordination, 255)
    return bonds


def find_defects(
    xy_px: FloatArray,
    atomic_number: NDArray[np.uint8],
    p: FloatArray,
    contamination: FloatArray,
    frame: tuple[tuple[int, int], float],
) -> tuple[Defect, ...]:
    """Classify the defects of a frame.

    Args:
        xy_px: (n, 2) column, row.
        atomic_number: (n,) 0 = unknown.
        p: (n,) probability of each atom.
        contamination: (n,) probability that it lies under amorphous matter.
        frame: (rows, columns) and the pixel size in Å.
    """
    (rows, cols), pixel = frame
    found = classify(
        xy_px * pixel,
        symbols(atomic_number),
        p,
        (cols * pixel, rows * pixel),
        obscured=contamination > OBSCURED_FROM,
    )
    return tuple(
        Defect(
            type=one.type,
            x_px=one.x_A / pixel,
            y_px=one.y_A / pixel,
            p=one.p,
            atoms=one.atoms,
            path_px=None
            if one.path_A is None
            else tuple((x / pixel, y / pixel) for x, y in one.path_A),
        )
        for one in found
    )
