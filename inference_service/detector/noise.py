"""Measure the detector from the image: noise against mean gives gain, offset and read noise.

The variance of a pixel is `gain * mean + floor` in the image's own units: Poisson counts times a
gain, plus read noise, minus the part of an offset that carries no shot noise (photon transfer,
Janesick, doi:10.1117/3.725073). Offset and read noise share the floor, so one image gives limits
of each; gain, weights, sigma and counts need only the line.

Slow detectors smear each electron over the next pixels of a line, which makes the pixels quieter
but no atom better known. The line is therefore measured across the scan lines, and stated for
noise as an atom sees it: times the sum of the noise's correlation over neighbouring pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["NoiseModel", "flat_noise", "measure_noise"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

SECOND_DIFFERENCE: Final = 6.0
"""Variance of a second difference of white noise, 1 + 4 + 1: blind to anything smooth."""
BINS: Final = 24
FEWEST: Final = 30
"""Pixels that a bin needs."""
TRUSTED_LEVELS: Final = (0.001, 0.999)
"""Quantiles of the image between which a mean level can lie."""
FARTHEST: Final = 3.0
"""Largest residual, over the range of those levels: beyond it the model has gone astray."""
OUTLIER: Final = 60.0
"""Squares beyond this many mean squares are hot pixels; two electrons where 0.06 are expected
make 45."""
LEAST_VARIANCE: Final = 0.05
"""Smallest variance believed anywhere, over the average one: no pixel may rule the fit."""
SIGNIFICANT: Final = 4.0
"""Standard errors by which the slope must exceed 0 before it is called a gain."""
LAGS: Final = 4
"""Pixels over which noise is taken to be correlated."""
MOST_CORRELATED: Final = 10.0
"""Largest sum of correlations believed; an afterglow of 0.8 makes 9."""


@dataclass(frozen=True)
class NoiseModel:
    """variance = gain * mean + floor, in the image's own units, as an atom sees it."""

    gain: float
    """Image units per detected electron; 0 where no shot noise is recognisable."""
    floor: float
    """Variance at mean 0, image units squared; negative under a detector offset."""
    least: float
    """Smallest variance believed anywhere."""
    known: bool
    """Whether the gain is measured well enough to speak of electrons."""
    correlation: float = 1.0
    """Noise power of an atom's size over that of a single pixel: 1 for independent pixels."""
    darkest: float = 0.0
    """Lowest mean level in the image: no offset is above it."""
    gain_error: float = 0.0
    """Relative standard error of the gain, from photon noise alone."""

    def variance(self, mean: FloatImage) -> FloatImage:
        """Variance expected where the model says `mean`."""
        line = np.float32(self.gain) * mean + np.float32(self.floor)
        return np.asarray(np.maximum(line, np.float32(self.least)))

    @property
    def offset(self) -> float:
        """Intensity without any electron if read noise is negligible: the least it can be."""
        return -self.floor / self.gain if self.known else 0.0

    @property
    def offset_limits(self) -> tuple[float, float]:
        """Least and most of the intensity without any electron, image units."""
        return self.offset, max(self.offset, self.darkest)

    @property
    def read_noise_limit(self) -> float:
        """Largest read noise that the floor allows, electrons; 0 where the gain is unknown."""
        if not self.known:
            return 0.0
        return float(np.sqrt(max(self.gain * self.darkest + self.floor, 0.0)) / self.gain)


def flat_noise(image: FloatImage) -> NoiseModel:
    """One variance for the whole image: the start, before anything is known."""
    variance = float(np.mean(across(image) ** 2))
    return NoiseModel(0.0, variance, 0.1 * variance + 1e-30, known=False)


def measure_noise(image: FloatImage, expected: FloatImage) -> NoiseModel:
    """Fit the line of noise variance against the model's mean.

    Args:
        image: (rows, columns) measured; a scan line is a row.
        expected: (rows, columns) what the fitted model says is there; smooth.

    Returns:
        The noise model; `known` only where shot noise is significant and positive.
    """
    limits = np.quantile(image[::3, ::3], TRUSTED_LEVELS).tolist()
    farthest = FARTHEST * (limits[1] - limits[0]) + 1e-30
    residual = image - expected
    residual[np.abs(residual) > farthest] = 0.0
    down = across(residual)
    along = across(np.ascontiguousarray(residual.T))
    factor = min(correlation_sum(down) * correlation_sum(along), MOST_CORRELATED)
    x, y, count = binned(expected[1:-1], down * down, (limits[0], limits[1]))
    if len(x) < 4 or not np.all(y > 0):
        return flat_noise(image)
    return fitted_line(x, factor * y, count, factor)


def across(image: FloatImage) -> FloatImage:
    """Second difference from row to row, scaled to keep the variance of white noise, clipped."""
    difference = image[2:] - 2 * image[1:-1] + image[:-2]
    difference /= np.float32(np.sqrt(SECOND_DIFFERENCE))
    limit = float(np.sqrt(OUTLIER * np.vdot(difference, difference) / difference.size))
    return np.asarray(np.clip(difference, -limit, limit, out=difference))


def correlation_sum(noise: FloatImage) -> float:
    """Sum of the correlation of noise along its rows, 1 and up: 1 for independent pixels.

    What a whole row shares is left out: it is an offset of the line, no smear.
    """
    noise = noise - noise.mean(axis=1, keepdims=True)
    power = float(np.vdot(noise, noise)) / noise.size
    if power <= 0 or noise.shape[1] <= 4 * LAGS:
        return 1.0
    shared = [
        float(np.vdot(noise[:, :-k], noise[:, k:])) / noise[:, k:].size for k in range(1, LAGS + 1)
    ]
    return max(1.0, 1.0 + 2.0 * sum(shared) / power)


def binned(
    mean: FloatImage, squares: FloatImage, limits: tuple[float, float]
) -> tuple[FloatArray, FloatArray, NDArray[np.intp]]:
    """Average noise power and mean level in bins of like level, and the pixels in each.

    Every other row: second differences two rows apart share one row only. Levels beyond those of
    the image itself are a model gone astray, and left out.
    """
    level, power = mean[::2].ravel(), squares[::2].ravel()
    low, high = np.quantile(level[::5], (0.002, 0.998)).tolist()
    low, high = max(low, limits[0]), min(high, limits[1])
    index = ((level - low) * (BINS / max(high - low, 1e-30))).astype(np.intp)
    inside = (level >= low) & (index < BINS)
    index, level, power = index[inside], level[inside], power[inside]
    count = np.bincount(index, minlength=BINS)
    used = count > FEWEST
    x = np.bincount(index, level, minlength=BINS)[used] / count[used]
    y = np.bincount(index, power, minlength=BINS)[used] / count[used]
    return x, y, count[used]


def fitted_line(
    x: FloatArray, y: FloatArray, count: NDArray[np.intp], correlation: float
) -> NoiseModel:
    """Weighted straight line through binned variances; neighbouring squares are correlated."""
    error = y * np.sqrt(2.0 * 2.0 / count)
    design = np.stack([x, np.ones_like(x)], axis=1) / error[:, None]
    (gain, floor), *_ = np.linalg.lstsq(design, y / error, rcond=None)
    covariance = np.linalg.inv(design.T @ design)
    average = float(np.average(y, weights=count))
    least = max(0.1 * float(y.min()), LEAST_VARIANCE * average)
    error_of_gain = float(np.sqrt(covariance[0, 0]))
    known = bool(gain > SIGNIFICANT * error_of_gain)
    return NoiseModel(
        gain=float(gain) if known else 0.0,
        floor=float(floor) if known else average,
        least=least if known else 0.1 * average,
        known=known,
        correlation=correlation,
        darkest=float(x.min()),
        gain_error=error_of_gain / float(gain) if known else 0.0,
    )
