"""Two estimates of a position, never confused: the fit alone, and the minimum-error one.

The fit carries no prior: all it takes from the sheet are four numbers per frame, the lopsidedness
of its probe (`asymmetry`). The minimum-error estimate takes the smooth sheet into account
(`lattice_prior`) and what the network makes of the place; both see the same photon noise as the
fit, so their errors are correlated and the combination weighs them accordingly. How much prior is
in it, each frame states (`LatticePrior`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from inference_service.detector.asymmetry import lopsided_shift
from inference_service.detector.decode import Candidates
from inference_service.detector.error_calibration import PositionCalibration, Stratum
from inference_service.detector.lattice_prior import (
    LatticeEstimate,
    LatticePrior,
    estimate_on_sheet,
)
from inference_service.detector.model import Calibrations
from inference_service.detector.network_sheet import given_back, network_on_sheet
from inference_service.detector.refine import Refined
from inference_service.detector.threefold import Threefold, find_threefold

__all__ = ["Positions", "Voices", "combine", "hear", "place"]

FloatArray = NDArray[np.float64]

UNFITTED_SIGMA_A: Final = 0.3
"""Standard error stated for the fit of a candidate too faint to be fitted."""
AGREEMENT: Final = 3.0
"""Standard errors by which the two estimates may differ before both are widened."""
BRIGHT: Final = 2.0
"""Atoms brighter than this many typical ones are not carbon."""
SURE_FROM: Final = 0.5
"""Candidates that count as atoms of the sheet."""
SPEAKS_BELOW_A: Final = 0.4
"""A fit that states more than this says neither how far atoms are displaced nor how faint the frame
is (dirt spoils its noise): the network is left as it is. Graphene of 25 counts has 0.2 Å."""
BESIDE_BRIGHT_A: Final = 0.08
"""What the tails of a bright atom add to the standard error of a neighbour's fit, one axis, Å: on
simulated frames by wave physics 8 to 11 pm at any dose."""
REACH_A: Final = 2.2
"""Neighbours of a bright atom: Si-C is 1.7 to 1.9 Å."""
STRAY_SHARE: Final = 0.02
"""Share of fits that went astray, to a fluctuation or a neighbour's place."""
STRAY_A: Final = 0.3
"""How far such a fit lies from the atom, one-axis standard deviation."""


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
    prior: LatticePrior | None = None
    """The prior that `best` carries beside the network's; None where nothing was fitted."""


@dataclass(frozen=True)
class Voices:
    """What network, fit and sheet say of the fitted candidates; px, before `combine`."""

    network: FloatArray
    """(n, 2) on the sheet, where there is one."""
    network_variance: FloatArray
    """(n, 2)."""
    fit: FloatArray
    """(n, 2)."""
    fit_sigma: FloatArray
    """(n, 2) widened where the fit may have gone astray."""
    factors: Stratum
    """What the calibration says at this frame's noise level."""
    threefold: Threefold
    """What holds the sheet together."""
    sheet: LatticeEstimate

    @property
    def held(self) -> NDArray[np.bool_]:
        """(n, 1) atoms that have a sheet."""
        return self.sheet.held[:, None]

    @property
    def sheet_sigma(self) -> FloatArray:
        """(n, 2) of the fit on the sheet; where there is none, of the fit."""
        factor = np.where(self.held, self.factors.sheet_scale, 1.0)
        return np.asarray(np.sqrt(self.sheet.variance_px2) * factor)

    @property
    def network_sigma(self) -> FloatArray:
        """(n, 2) of the network on the sheet; where there is none, its own."""
        factor = np.where(self.held, self.factors.network_scale, 1.0)
        return np.asarray(np.sqrt(self.network_variance) * factor)

    def best(self, fit_correlation: float) -> tuple[FloatArray, FloatArray]:
        """(n, 2) the minimum-error estimate and its standard errors, calibrated.

        Args:
            fit_correlation: Of the network's error with the fit's.
        """
        correlation = np.where(self.held, self.factors.sheet_correlation, fit_correlation)
        at, sigma = combine(
            self.network, self.network_sigma, self.sheet.xy_px, self.sheet_sigma, correlation
        )
        return at, sigma * self.factors.best_scale


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
    figures = calibration.position
    best = candidates.xy_px.copy()
    best_sigma = network_error(candidates, figures, pixel_size_A)
    fit = candidates.xy_px.copy()
    fit_sigma = np.full(fit.shape, UNFITTED_SIGMA_A / pixel_size_A)
    if refined is None:
        return Positions(best, best_sigma, fit, fit_sigma[:, 0])
    voices = hear(candidates.take(np.flatnonzero(fitted)), refined, pixel_size_A, figures)
    fit[fitted], fit_sigma[fitted] = voices.fit, voices.fit_sigma
    best[fitted], best_sigma[fitted] = voices.best(figures.fit_correlation)
    one_axis = np.sqrt((fit_sigma**2).mean(axis=1))
    return Positions(best, best_sigma, fit, one_axis, voices.sheet.prior)


def hear(
    candidates: Candidates, refined: Refined, pixel_size_A: float, figures: PositionCalibration
) -> Voices:
    """Collect what there is to combine.

    Args:
        candidates: The fitted ones, on the frame's own pixels.
        refined: The fit, in the same order.
        pixel_size_A: Edge of a pixel, Å.
        figures: The ensemble's calibration.
    """
    sure = candidates.p >= SURE_FROM
    stated = np.sqrt(refined.variance_px2[:, :2])
    level_A = float(np.median(stated[sure] if sure.any() else stated)) * pixel_size_A
    factors = figures.at(level_A)
    bright = refined.amplitude > BRIGHT * refined.typical
    told = sure & (level_A < SPEAKS_BELOW_A)
    threefold = find_threefold(candidates.xy_px * pixel_size_A, bright, told)
    network = candidates.xy_px, network_error(candidates, figures, pixel_size_A) ** 2
    fit_variance = (stated * factors.fit_scale) ** 2
    fit_variance += beside(candidates.xy_px, bright, pixel_size_A)
    fit = refined.xy_px - lopsided_shift(refined.xy_px, fit_variance, threefold, pixel_size_A)
    place, variance = given_back(network, threefold, pixel_size_A, factors.following)
    fit_variance += astray(fit - place, fit_variance + variance, STRAY_A / pixel_size_A)
    sheet = estimate_on_sheet(fit, fit_variance, threefold, pixel_size_A)
    network = network_on_sheet(
        network, threefold, pixel_size_A, sheet.displacement_px2, factors.following
    )
    return Voices(
        network=network[0],
        network_variance=network[1],
        fit=fit,
        fit_sigma=np.sqrt(fit_variance),
        factors=factors,
        threefold=threefold,
        sheet=sheet,
    )


def network_error(
    candidates: Candidates, figures: PositionCalibration, pixel_size_A: float
) -> FloatArray:
    """(n, 2) standard error of the network's positions, sheet left out, px."""
    floor = figures.network_floor_A / pixel_size_A
    return np.asarray(np.hypot(candidates.sigma_xy_px * figures.network_scale, floor))


def beside(xy_px: FloatArray, bright: NDArray[np.bool_], pixel_size_A: float) -> FloatArray:
    """(n, 1) variance to add to the fits of what stands beside a bright atom, px²."""
    if not bright.any():
        return np.zeros((len(xy_px), 1))
    distance, _ = cKDTree(xy_px[bright]).query(xy_px)
    near = (distance * pixel_size_A < REACH_A) & ~bright
    return np.asarray(np.where(near, (BESIDE_BRIGHT_A / pixel_size_A) ** 2, 0.0)[:, None])


def astray(apart: FloatArray, variance: FloatArray, stray_px: float) -> FloatArray:
    """(n, 1) variance to add to each fit, in case it went astray.

    Args:
        apart: (n, 2) fit minus network, what that drew back undone.
        variance: (n, 2) what that difference should have.
        stray_px: Standard deviation of a fit that went astray.
    """
    wide = variance + stray_px**2
    exponent = 0.5 * (apart**2 * (1 / variance - 1 / wide)).sum(axis=1)
    odds = STRAY_SHARE / (1 - STRAY_SHARE) * np.sqrt((variance / wide).prod(axis=1))
    odds *= np.exp(np.minimum(exponent, 60.0))
    chance = odds / (1 + odds)
    return np.asarray((0.5 * chance * (apart**2).sum(axis=1))[:, None])


def combine(
    prior: FloatArray,
    prior_sigma: FloatArray,
    fit: FloatArray,
    fit_sigma: FloatArray,
    correlation: FloatArray | float,
) -> tuple[FloatArray, FloatArray]:
    """Minimum-variance combination of two correlated estimates of the same coordinates.

    Args:
        prior: The network's estimate, any shape.
        prior_sigma: Its standard error.
        fit: The fit's estimate, on the sheet or not.
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
