"""What photon noise alone does not explain of a position's error: scan noise and misfit.

Both are read off the residual. Line jitter moves a whole row, so the residual of a row follows
the model's slope along it; an atom averages over the rows it covers. Correlated noise and a probe
that is not Gaussian leave structure of an atom's own size, to which a position answers as to noise.
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

JITTER_ABSORBED: Final = 1.3
"""Jitter over what the residual still shows: atoms follow part of it (simulated frames)."""
WHITE_ANSWER: Final = 0.8
"""Answer of a good fit's residual to a position template over that of white noise: the fit has
already taken out its own share (0.6-0.9 on simulated frames without misfit)."""


@dataclass(frozen=True)
class ErrorBudget:
    """Additions to the variance of positions."""

    inflation: float
    """Factor on the photon-noise standard error, at least 1."""
    scan_px: FloatArray
    """(2,) standard error of column and row from line jitter, px."""

    def widen(self, variance_px2: FloatArray) -> FloatArray:
        """Total of (n, 3) variances of column, row and their covariance."""
        total = variance_px2 * self.inflation**2
        total[:, :2] += self.scan_px**2
        return total


def measure_error_budget(
    residual: FloatImage, expected: FloatImage, weight: FloatImage, s_px: float
) -> ErrorBudget:
    """Measure scan noise and misfit.

    Args:
        residual: (rows, columns) measured minus model.
        expected: (rows, columns) the model.
        weight: (rows, columns) inverse variance.
        s_px: Standard deviation of the probe, px.
    """
    slopes = [np.asarray(np.gradient(expected, axis=axis)) for axis in (1, 0)]
    rows_covered = 2.0 * np.sqrt(np.pi) * s_px / np.sqrt(2.0)
    jitter = [line_jitter(residual, slope, weight) for slope in slopes]
    scan = JITTER_ABSORBED * np.sqrt(np.array(jitter) / rows_covered)
    answer = template_answer(residual * np.sqrt(weight), s_px)
    return ErrorBudget(max(1.0, answer / WHITE_ANSWER), scan)


def line_jitter(residual: FloatImage, slope: FloatImage, weight: FloatImage) -> float:
    """Variance of the rows' displacements beyond what photon noise feigns, px²."""
    information = (weight * slope * slope).sum(axis=1, dtype=np.float64)
    if not (information > 0).all():
        return 0.0
    displacement = (weight * residual * slope).sum(axis=1, dtype=np.float64) / information
    excess = displacement**2 - 1.0 / information
    return max(0.0, float(np.average(excess, weights=information)))


def template_answer(normalised: FloatImage, s_px: float) -> float:
    """Robust scatter of the residual's answer to an atom's slope, 1 for white noise."""
    white = float(1.0 / (np.sqrt(8.0 * np.pi) * s_px**2))
    answers = [
        ndimage.gaussian_filter(normalised, s_px, order=order, truncate=3.0)
        for order in ((0, 1), (1, 0))
    ]
    return float(np.median(np.abs(np.stack(answers))) / 0.6745 / white)
