"""What the rest of the sheet says of an atom's place, and how far to believe it.

A position is x = m + d: m belongs to a smooth sheet, in which each atom sits within a tolerance of
the centroid of its three neighbours (`threefold`), and d is the atom's own displacement, normal
with a standard deviation tau that the frame itself tells. The fit measures x with its own error.
Given tau this is a linear Gaussian model, whose posterior mean is the minimum-error estimate
(Gauss-Markov); tau is found by matching moments (empirical Bayes: Efron and Morris,
doi:10.1080/01621459.1973.10481350). Some atoms are displaced far more than the rest: d is a mixture
of two normals, so a displacement that the fit sees clearly is not pulled back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from inference_service.detector.smooth_sheet import smooth
from inference_service.detector.threefold import SHELLS, Threefold

__all__ = ["LatticeEstimate", "LatticePrior", "estimate_on_sheet"]

FloatArray = NDArray[np.float64]

NOISE_OF_RESIDUAL: Final = 0.86
"""Variance of the fit's noise in `x - centroid` over what independent errors would give: those of
neighbours are correlated (0.78-0.95 on simulated frames)."""
NOISE_UNCERTAINTY: Final = 0.10
"""Relative uncertainty of that noise, which no number of atoms removes."""
USUAL_TAU_A: Final = 0.06
"""Displacements of this order are expected before a frame is seen."""
FEWEST_ATOMS: Final = 12
"""Below this many atoms in perfect surroundings a frame does not tell its tau."""
LARGE_TAU_A: Final = 0.40
LARGE_SHARE: Final = 0.01
"""Share of atoms displaced by about `LARGE_TAU_A` rather than tau."""
MOST_LEVERAGE: Final = 0.9
"""An atom whose surroundings say nothing sets its own sheet; its offset then says nothing."""
ROUNDS: Final = 2
"""Rounds of weighting; later ones move atoms by less than 0.1 pm."""


@dataclass(frozen=True)
class LatticePrior:
    """The prior of one frame, and how much it took."""

    tau_A: float
    """Standard deviation of the atoms' own displacements on each axis, Å."""
    following: float
    """Share of an atom's own displacement that the estimate follows, mean over those it concerns;
    1 where there is no prior."""
    atoms: int
    """How many atoms it concerns."""


@dataclass(frozen=True)
class LatticeEstimate:
    """Positions with the sheet taken into account; px."""

    xy_px: FloatArray
    """(n, 2) column, row."""
    variance_px2: FloatArray
    """(n, 2) of each axis."""
    following: FloatArray
    """(n,) share of its own displacement that each atom's estimate follows."""
    held: NDArray[np.bool_]
    """(n,) atoms that a centroid rule of their own holds."""
    displacement_px2: FloatArray
    """(n, 1) variance of its own displacement on each axis, as its surroundings have it."""
    prior: LatticePrior


def estimate_on_sheet(
    xy_px: FloatArray,
    variance_px2: FloatArray,
    threefold: Threefold,
    pixel_size_A: float,
) -> LatticeEstimate:
    """Combine what the fit says of each atom with what its surroundings say.

    Args:
        xy_px: (n, 2) the fit's positions, without prior.
        variance_px2: (n, 2) their variances.
        threefold: Which atoms sit amid three others.
        pixel_size_A: Edge of a pixel, Å.
    """
    usual2 = own_displacement(xy_px, variance_px2, threefold, pixel_size_A) / pixel_size_A**2
    large2 = (LARGE_TAU_A / pixel_size_A) ** 2 + usual2
    tau2 = np.full((len(xy_px), 1), large2)  # rims and the like answer to no rule of their own
    tau2[threefold.centre] = usual2
    course = sheet_through(xy_px, variance_px2, (tau2, large2), threefold, pixel_size_A)
    outlying = course.outlying[:, None]
    usually, widely = tau2 / (variance_px2 + tau2), large2 / (variance_px2 + large2)
    share = (1 - outlying) * usually + outlying * widely
    offset = xy_px - course.xy_px
    doubt = outlying * (1 - outlying) * ((widely - usually) * offset) ** 2
    variance = share * variance_px2 + (1 - share) ** 2 * course.variance_px2 + doubt
    held = np.zeros(len(xy_px), dtype=np.bool_)
    held[threefold.centre] = True
    following = np.where(held, share.mean(axis=1), 1.0)
    return LatticeEstimate(
        xy_px=course.xy_px + share * offset,
        variance_px2=variance,
        following=following,
        held=held,
        displacement_px2=(1 - outlying) * tau2 + outlying * large2,
        prior=LatticePrior(
            float(np.sqrt(usual2)) * pixel_size_A,
            float(following[held].mean()) if held.any() else 1.0,
            int(held.sum()),
        ),
    )


@dataclass(frozen=True)
class Course:
    """The smooth sheet, and which atoms lie far off it."""

    xy_px: FloatArray
    """(n, 2) the sheet at each atom."""
    variance_px2: FloatArray
    """(n, 2) of the sheet."""
    outlying: FloatArray
    """(n,) probability that the atom is of the widely displaced ones."""


def sheet_through(
    xy_px: FloatArray,
    variance_px2: FloatArray,
    displacement_px2: tuple[FloatArray, float],
    threefold: Threefold,
    pixel_size_A: float,
) -> Course:
    """Lay the sheet, in rounds: what lies far off it no longer pulls at it.

    Args:
        xy_px: (n, 2) the fit's positions.
        variance_px2: (n, 2) their variances.
        displacement_px2: (n, 1) variance of usual displacements, and that of the wide ones.
        threefold: Which atoms sit amid three others.
        pixel_size_A: Edge of a pixel, Å.
    """
    usual, wide = (variance_px2 + one for one in displacement_px2)
    course = Course(xy_px, variance_px2, np.full(len(xy_px), LARGE_SHARE))
    for _ in range(ROUNDS):
        outlying = course.outlying[:, None]
        weight = (1.0 - outlying) / usual + outlying / wide
        sheet, spread = smooth(xy_px, weight, threefold, pixel_size_A, course.xy_px)
        alone = 1.0 - np.minimum(weight * spread, MOST_LEVERAGE)
        rest = spread / alone
        course = Course(
            sheet, spread, large_displacement((xy_px - sheet) / alone, rest + usual, rest + wide)
        )
    return course


def own_displacement(
    xy_px: FloatArray, variance_px2: FloatArray, threefold: Threefold, pixel_size_A: float
) -> float:
    """Variance of the atoms' own displacements on each axis, Å²: posterior mean.

    In perfect surroundings the variance of `x - centroid` is 4/3 tau² beside the fit's noise and
    the tolerance. Medians keep out what is not noise; an exponential prior on tau² keeps a noisy
    frame from claiming displacements that it cannot see.
    """
    usual = USUAL_TAU_A**2
    perfect = threefold.shells == SHELLS
    if np.count_nonzero(perfect) < FEWEST_ATOMS:
        return usual
    centre, around = threefold.centre[perfect], threefold.around[perfect]
    residual = (xy_px[centre] - xy_px[around].mean(axis=1)) * pixel_size_A
    noise = variance_px2[centre] + variance_px2[around].sum(axis=1) / 9.0
    expected = NOISE_OF_RESIDUAL * float(np.median(noise.mean(axis=1))) * pixel_size_A**2
    tolerance = float(np.median(threefold.tolerance_A[perfect])) ** 2
    seen = float(np.median((residual**2).sum(axis=1))) / (2.0 * np.log(2.0))
    excess = 0.75 * (seen - expected - tolerance)
    count = 0.7 * len(centre)  # a median of neighbours that share atoms knows less than a mean
    doubt = 0.75 * float(np.hypot(seen / np.sqrt(count), NOISE_UNCERTAINTY * expected))
    return posterior_mean(excess, doubt, usual)


def posterior_mean(measured: float, sigma: float, scale: float) -> float:
    """Mean of a quantity with an exponential prior of that scale, given a normal measurement."""
    centre = measured - sigma**2 / scale
    z = centre / sigma
    if z < -20.0:  # the tail of a normal beyond 20 sigma is exponential
        return sigma / -z
    return float(centre + sigma * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi) / ndtr(z))


def large_displacement(offset: FloatArray, narrow: FloatArray, wide: FloatArray) -> FloatArray:
    """Probability that each atom is of the widely displaced ones.

    Args:
        offset: (n, 2) from where the sheet would be without the atom's own word.
        narrow: (n, 2) variance of that offset for usual atoms.
        wide: (n, 2) the same for the widely displaced.
    """
    exponent = 0.5 * (offset**2 * (1 / narrow - 1 / wide)).sum(axis=1)
    odds = LARGE_SHARE / (1 - LARGE_SHARE) * np.sqrt((narrow / wide).prod(axis=1))
    odds *= np.exp(np.minimum(exponent, 60.0))
    return np.asarray(odds / (1.0 + odds))
