"""What photon noise alone does not explain of a position's error: scan noise and misfit.

Both are read off the residual. Line jitter moves a whole row, so the residual of a row follows
the model's slope along it, and changes from row to row; an atom averages over the rows it covers.
Matter that nobody fitted and a wrong probe leave structure of an atom's own size, to which a
position answers as to noise: it is looked for around every atom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["ErrorBudget", "measure_error_budget"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

WHITE_ANSWER: Final = 0.8
"""Answer of a good fit's residual to a position template over that of white noise: the fit has
already taken out its own share (0.7-0.9 on simulated frames without misfit)."""
AROUND_S: Final = 5.0
"""Standard deviation, in probe widths, of the surroundings in which misfit is looked for."""
CHANCE: Final = 1.35
"""Power up to which an answer may be chance: some twenty independent places are averaged."""
CELL: Final = 2
"""Pixels of the map of answers, along each axis, that are averaged to begin with."""
ROWS_X: Final = 0.399
ROWS_Y: Final = 0.299
"""Sums of squared shares of the rows in an atom's column and row, times its width in rows: of
Gaussian slopes, exp(-y²/s²) and y² exp(-y²/s²) integrated."""


@dataclass(frozen=True)
class ErrorBudget:
    """Additions to the variance of positions."""

    inflation: FloatArray
    """(n,) factor on the photon-noise standard error of each atom, at least 1."""
    scan_px: FloatArray
    """(2,) standard error of column and row from line jitter, px."""

    def widen(self, variance_px2: FloatArray) -> FloatArray:
        """Total of (n, 3) variances of column, row and their covariance."""
        total = variance_px2 * self.inflation[:, None] ** 2
        total[:, :2] += self.scan_px**2
        return total


def measure_error_budget(
    residual: FloatImage,
    expected: FloatImage,
    weight: FloatImage,
    s_px: float,
    xy_px: FloatArray,
) -> ErrorBudget:
    """Measure scan noise and misfit.

    Args:
        residual: (rows, columns) measured minus model.
        expected: (rows, columns) the model.
        weight: (rows, columns) inverse variance.
        s_px: Standard deviation of the probe, px.
        xy_px: (n, 2) column and row of the atoms.
    """
    slopes = (sloped(expected, 1), sloped(expected, 0))
    shares = np.array([ROWS_X, ROWS_Y]) / s_px
    jitter = np.array([line_jitter(residual, slope, weight) for slope in slopes])
    power = answer_power(residual * np.sqrt(weight), s_px)
    return ErrorBudget(inflation_at(power, s_px, xy_px), np.sqrt(jitter * shares))


def sloped(image: FloatImage, axis: int) -> FloatImage:
    """Central differences along an axis, one-sided at its ends."""
    return np.asarray(np.gradient(image, axis=axis), dtype=np.float32)


def line_jitter(residual: FloatImage, slope: FloatImage, weight: FloatImage) -> float:
    """Variance of the rows' displacements beyond what photon noise feigns, px².

    Second differences from row to row: atoms follow whatever varies more slowly.
    """
    weighted = weight * slope
    information = np.einsum("rc,rc->r", weighted, slope).astype(np.float64)
    if len(information) < 3 or not (information > 0).all():
        return 0.0
    shift = np.einsum("rc,rc->r", weighted, residual) / information
    photons = 1.0 / information
    bend = (shift[:-2] - 2.0 * shift[1:-1] + shift[2:]) ** 2
    feigned = photons[:-2] + 4.0 * photons[1:-1] + photons[2:]
    return max(0.0, float(np.average(bend - feigned, weights=1.0 / feigned)) / 6.0)


def answer_power(normalised: FloatImage, s_px: float) -> FloatImage:
    """Power of the residual's answer to an atom's slopes, 1 for a good fit, on cells of pixels."""
    white = WHITE_ANSWER / (np.sqrt(8.0 * np.pi) * s_px**2)
    answers = [
        ndimage.gaussian_filter(normalised, s_px, order=order, truncate=3.0)
        for order in ((0, 1), (1, 0))
    ]
    rows, columns = (n // CELL * CELL for n in normalised.shape)
    power = (answers[0] ** 2 + answers[1] ** 2)[:rows, :columns]
    cells = power.reshape(rows // CELL, CELL, columns // CELL, CELL).mean(axis=(1, 3))
    return np.asarray(cells / np.float32(2.0 * white**2))


def inflation_at(power: FloatImage, s_px: float, xy_px: FloatArray) -> FloatArray:
    """Factor on the standard error around each place; 1 where chance explains the answer."""
    smooth = ndimage.gaussian_filter(power, AROUND_S * s_px / CELL, truncate=2.0)
    column, row = (
        np.clip(np.rint((xy_px[:, k] + 0.5) / CELL - 0.5), 0, power.shape[1 - k] - 1).astype(int)
        for k in (0, 1)
    )
    there = smooth[row, column].astype(np.float64)
    return np.asarray(np.sqrt(np.maximum(1.0, there / CHANCE)))
