"""A smooth sheet through scattered atoms: each near the centroid of its three neighbours.

The energy is quadratic: how far each atom's sheet lies from where it was measured, and how far
from the centroid of its neighbours, both in standard deviations. Bending a sheet costs the square
of its curvature, stretching and shearing it nothing.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.compiled import compiled
from inference_service.detector.threefold import Threefold

__all__ = ["smooth"]

FloatArray = NDArray[np.float64]

CG_STEPS: Final = 120
CG_TOLERANCE: Final = 1e-2
SMOOTHING: Final = 0.67
"""Over all modes of a honeycomb, the mean of q / (q + eigenvalue² of its Laplacian) is within 5 %
y / sqrt(1 + y²), y = 0.67 sqrt(q): the variance that smoothing leaves."""


def smooth(
    measured: FloatArray,
    weight: FloatArray,
    threefold: Threefold,
    pixel_size_A: float,
    start: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Lay the sheet.

    Args:
        measured: (n, 2) positions, px.
        weight: (n, 2) inverse variances of those about the sheet.
        threefold: Which atoms sit amid three others, and how exactly.
        pixel_size_A: Edge of a pixel, Å.
        start: (n, 2) where to begin, such as the positions themselves.

    Returns:
        (n, 2) the sheet at each atom and (n, 2) its variance.
    """
    stiffness = (pixel_size_A / threefold.tolerance_A) ** 2
    sheet = start.copy()
    relax(sheet, measured, weight, threefold.centre, threefold.around, stiffness)
    return sheet, sheet_variance(weight, stiffness, threefold)


def sheet_variance(weight: FloatArray, stiffness: FloatArray, threefold: Threefold) -> FloatArray:
    """(n, 2) variance of the smooth sheet, from the weights and stiffness around each atom.

    The honeycomb's mean over all modes, with each atom's share of the rules that hold it for the
    stiffness of a perfect one. Where no rule holds an atom, its own variance.
    """
    held = np.bincount(threefold.centre, stiffness, len(weight))
    ninth = np.repeat(stiffness / 9.0, 3)
    held += np.bincount(threefold.around.ravel(), ninth, len(weight))
    around = neighbourhood_mean(weight, threefold)
    loose = around / np.maximum(0.75 * held, 1e-12)[:, None]
    y = SMOOTHING * np.sqrt(loose)
    return np.asarray(y / np.sqrt(1.0 + y * y) / around)


def neighbourhood_mean(values: FloatArray, threefold: Threefold) -> FloatArray:
    """(n, 2) mean of each atom's values and those of the atoms it shares a rule with."""
    total, count = values.copy(), np.ones(len(values))
    for column in threefold.around.T:
        np.add.at(total, threefold.centre, values[column])
        np.add.at(total, column, values[threefold.centre])
        np.add.at(count, threefold.centre, 1.0)
        np.add.at(count, column, 1.0)
    return np.asarray(total / count[:, None])


@compiled
def pull(
    field: FloatArray,
    weight: FloatArray,
    centre: NDArray[np.intp],
    around: NDArray[np.intp],
    stiffness: FloatArray,
    out: FloatArray,
) -> None:  # pragma: no cover
    """Apply the curvature of the sheet's energy to a field of two components."""
    out[:] = weight * field
    for c in range(len(centre)):
        i, a, b, d = centre[c], around[c, 0], around[c, 1], around[c, 2]
        for k in range(2):
            bend = stiffness[c] * (field[i, k] - (field[a, k] + field[b, k] + field[d, k]) / 3.0)
            out[i, k] += bend
            out[a, k] -= bend / 3.0
            out[b, k] -= bend / 3.0
            out[d, k] -= bend / 3.0


@compiled
def relax(
    sheet: FloatArray,
    measured: FloatArray,
    weight: FloatArray,
    centre: NDArray[np.intp],
    around: NDArray[np.intp],
    stiffness: FloatArray,
) -> int:  # pragma: no cover
    """Conjugate gradients, Jacobi-preconditioned, from where the sheet is; returns the steps."""
    diagonal = weight.copy()
    for c in range(len(centre)):
        diagonal[centre[c]] += stiffness[c]
        for k in range(3):
            diagonal[around[c, k]] += stiffness[c] / 9.0
    image = np.empty_like(sheet)
    pull(sheet, weight, centre, around, stiffness, image)
    rest = weight * measured - image
    scaled = rest / diagonal
    direction = scaled.copy()
    size = (rest * scaled).sum()
    goal = size * CG_TOLERANCE**2
    steps = 0
    while steps < CG_STEPS and size > goal and size > 0.0:
        pull(direction, weight, centre, around, stiffness, image)
        length = size / (direction * image).sum()
        sheet += length * direction
        rest -= length * image
        scaled = rest / diagonal
        following = (rest * scaled).sum()
        direction = scaled + (following / size) * direction
        size = following
        steps += 1
    return steps
