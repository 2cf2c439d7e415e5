"""Measure how much an atom's neighbours say of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from inference_service.detector.company import Company, CompanyCalibration, in_company

__all__ = ["fit_company"]

FloatArray = NDArray[np.float64]

_START = np.array([1.0, -2.0, -2.0, -1.0, 0.5, -1.0])
_STIFFNESS = 1e-3
"""Weight of a pull towards no effect: rare company must not be believed without measure."""


def fit_company(
    p: FloatArray, company: Sequence[Company], right: NDArray[np.bool_]
) -> CompanyCalibration:
    """Fit the weights by maximum likelihood.

    Args:
        p: (n,) probabilities without company, of several frames in a row.
        company: Of the same frames.
        right: (n,) whether an atom is there.
    """
    whole = Company(
        np.concatenate([c.neighbours for c in company]),
        np.concatenate([c.rival for c in company]),
        np.concatenate([c.asked for c in company]),
    )
    chosen = whole.asked
    told = Company(whole.neighbours[chosen], whole.rival[chosen], whole.asked[chosen])

    def loss(values: FloatArray) -> float:
        said = in_company(p[chosen], told, _calibration(values))
        likely = np.clip(np.where(right[chosen], said, 1.0 - said), 1e-9, 1.0)
        return float(-np.mean(np.log(likely)) + _STIFFNESS * np.mean(values[1:] ** 2))

    best = minimize(loss, _START, method="L-BFGS-B", bounds=[(0.2, 3.0)] + [(-8.0, 8.0)] * 5)
    return _calibration(best.x)


def _calibration(values: FloatArray) -> CompanyCalibration:
    """Return the weights as the record that serving reads."""
    slope, none, one, two, three, rival = (float(v) for v in values)
    return CompanyCalibration(slope=slope, shifts=(none, one, two, three), rival=rival)
