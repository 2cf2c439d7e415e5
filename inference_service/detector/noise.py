"""Measure the detector from the image: noise against mean gives gain, offset and read noise.

The variance of a pixel is `gain * mean + floor` in the image's own units: Poisson counts times a
gain, plus read noise, minus the part of an offset that carries no shot noise. Only the line is
measurable from one image, and only the line is needed for weights, sigma and counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["NoiseModel", "flat_noise", "measure_noise"]

FloatImage = NDArray[np.float32]

KERNEL: Final = np.array([1.0, -2.0, 1.0])
"""Applied along both axes, blind to anything smooth (Immerkær, doi:10.1006/cviu.1996.0060)."""
BINS: Final = 24
LEAST_VARIANCE: Final = 0.05
"""Smallest variance believed anywhere, over the average one: no pixel may rule the fit."""
SIGNIFICANT: Final = 4.0
"""Standard errors by which the slope must exceed 0 before it is called a gain."""


@dataclass(frozen=True)
class NoiseModel:
    """variance = gain * mean + floor, in the image's own units."""

    gain: float
    """Image units per detected electron; 0 where no shot noise is recognisable."""
    floor: float
    """Variance at mean 0, image units squared; negative under a detector offset."""
    least: float
    """Smallest variance believed anywhere."""
    known: bool
    """Whether the gain is measured well enough to speak of electrons."""

    def variance(self, mean: FloatImage) -> FloatImage:
        """Variance expected where the model says `mean`."""
        line = np.float32(self.gain) * mean + np.float32(self.floor)
        return np.asarray(np.maximum(line, np.float32(self.least)))

    @property
    def offset(self) -> float:
        """Intensity without any electron, if read noise is negligible."""
        return -self.floor / self.gain if self.known else 0.0


def flat_noise(image: FloatImage) -> NoiseModel:
    """One variance for the whole image: the start, before anything is known."""
    variance = float(np.mean(high_pass(image) ** 2))
    return NoiseModel(0.0, variance, 0.1 * variance + 1e-30, known=False)


def measure_noise(image: FloatImage, expected: FloatImage) -> NoiseModel:
    """Fit the line of noise variance against the model's mean.

    Args:
        image: (rows, columns) measured.
        expected: (rows, columns) what the fitted model says is there; smooth.

    Returns:
        The noise model; `known` only where shot noise is significant and positive.
    """
    squares = high_pass(image - expected) ** 2
    means = expected[1:-1, 1:-1]
    edges = np.quantile(means[::3, ::3], np.linspace(0.002, 0.998, BINS + 1))
    index = np.searchsorted(edges, means.ravel()) - 1
    inside = (index >= 0) & (index < BINS)
    index, flat, mean = index[inside], squares.ravel()[inside], means.ravel()[inside]
    count = np.bincount(index, minlength=BINS).astype(np.float64)
    used = count > 30
    x = np.bincount(index, mean, minlength=BINS)[used] / count[used]
    y = np.bincount(index, flat, minlength=BINS)[used] / count[used]
    if used.sum() < 4 or not np.all(y > 0):
        return flat_noise(image)
    return fitted_line(x, y, count[used])


def fitted_line(
    x: NDArray[np.float64], y: NDArray[np.float64], count: NDArray[np.float64]
) -> NoiseModel:
    """Weighted straight line through binned variances; neighbouring squares are correlated."""
    error = y * np.sqrt(2.0 * 2.0 / count)
    design = np.stack([x, np.ones_like(x)], axis=1) / error[:, None]
    (gain, floor), *_ = np.linalg.lstsq(design, y / error, rcond=None)
    covariance = np.linalg.inv(design.T @ design)
    average = float(np.average(y, weights=count))
    least = max(0.1 * float(y.min()), LEAST_VARIANCE * average)
    if gain < SIGNIFICANT * np.sqrt(covariance[0, 0]):
        return NoiseModel(0.0, average, 0.1 * average, known=False)
    return NoiseModel(float(gain), float(floor), least, known=True)


def high_pass(image: FloatImage) -> FloatImage:
    """Second difference along both axes, scaled to keep the variance of white noise."""
    rows = ndimage.correlate1d(image, KERNEL, axis=0)
    both = ndimage.correlate1d(rows, KERNEL, axis=1)
    return np.asarray(both[1:-1, 1:-1] / np.float32((KERNEL**2).sum()))
