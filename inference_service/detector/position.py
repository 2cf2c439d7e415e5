"""Two estimates of a position, never confused: the fit alone, and the minimum-error one.

The network's position carries a lattice prior, the fit's carries none. Both see the same photon
noise, so their errors are correlated and the combination weighs them accordingly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.decode import Candidates
from inference_service.detector.model import Calibrations
from inference_service.detector.refine import Refined

__all__ = ["Positions", "combine", "place"]

FloatArray = NDArray[np.float64]

UNFITTED_SIGMA_A: Final = 0.3
"""Standard error stated for the fit of a candidate too faint to be fitted."""
AGREEMENT: Final = 3.0
"""Standard errors by which the two estimates may differ before both are widened."""


@dataclass(frozen=True)
class Positions:
    """Both estimates of every candidate's position, px of the frame."""

    best: FloatArray
    """(n, 2) column, row: minimum error."""
    best_sigma: FloatArray
    """(n, 2) one-axis standard errors."""
    fit: FloatArray
    """(n, 2) column, row: no prior."""
    fit_sigma: FloatArray
    """(n,) one-axis standard error, root mean square of the two."""


def place(
    candidates: Candidates,
    fitted: NDArray[np.bool_],
    refined: Refined | None,
    pixel_size_A: float,
    calibration: Calibrations,
) -> Positions:
    """Put both estimates together.

    Args:
        candidates: On the frame's own pixels.
        fitted: (n,) which of them `refined` holds, in order.
        refined: The fit; None where nothing was fitted.
        pixel_size_A: Edge of a pixel, Å.
        calibration: The ensemble's own.
    """
    fit = candidates.xy_px.copy()
    sigma = np.full(fit.shape, UNFITTED_SIGMA_A / pixel_size_A)
    floor = calibration.sigma_floor_A / pixel_size_A
    network_sigma = np.hypot(candidates.sigma_xy_px * calibration.sigma_scale, floor)
    if refined is not None:
        fit[fitted] = refined.xy_px
        sigma[fitted] = np.sqrt(refined.variance_px2[:, :2])
    best, best_sigma = combine(
        candidates.xy_px, network_sigma, fit, sigma, calibration.fit_correlation
    )
    best[~fitted], best_sigma[~fitted] = candidates.xy_px[~fitted], network_sigma[~fitted]
    return Positions(best, best_sigma, fit, np.sqrt((sigma**2).mean(axis=1)))


def combine(
    prior: FloatArray,
    prior_sigma: FloatArray,
    fit: FloatArray,
    fit_sigma: FloatArray,
    correlation: float,
) -> tuple[FloatArray, FloatArray]:
    """Minimum-variance combination of two correlated estimates of the same coordinates.

    Args:
        prior: The network's estimate, any shape.
        prior_sigma: Its standard error.
        fit: The fit's estimate.
        fit_sigma: Its standard error.
        correlation: Of the two errors, 0 <= correlation < 1.

    Returns:
        The combination, never outside the two estimates, and its standard error, widened where
        they disagree by more than `AGREEMENT` standard errors.
    """
    covariance = correlation * prior_sigma * fit_sigma
    difference = prior_sigma**2 + fit_sigma**2 - 2 * covariance
    strain = np.abs(prior - fit) / (AGREEMENT * np.sqrt(prior_sigma**2 + fit_sigma**2) + 1e-30)
    share = np.clip((prior_sigma**2 - covariance) / np.maximum(difference, 1e-30), 0.0, 1.0)
    variance = (
        share**2 * fit_sigma**2
        + (1 - share) ** 2 * prior_sigma**2
        + 2 * share * (1 - share) * covariance
    )
    return share * fit + (1 - share) * prior, np.sqrt(variance) * np.maximum(strain, 1.0)
