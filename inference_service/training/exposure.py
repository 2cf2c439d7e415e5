"""From expected intensity to stored numbers: electrons, detector, amplifier and file format."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.signal import lfilter

__all__ = ["Exposure", "expose", "random_exposure"]

_FEWEST, _MOST = 15.0, 15_000.0
_USUAL_FEWEST, _USUAL_MOST = 18.0, 2_500.0
_LEVELS = {"uint8": 255, "uint16": 65_535}


@dataclass(frozen=True)
class Exposure:
    """How one frame was recorded.

    Attributes:
        counts_per_carbon: detected electrons per carbon atom.
        background: counts per pixel without a specimen, as a fraction of a mean sheet pixel.
        pulse_spread: variance of the pulse height over its squared mean.
        read_noise: standard deviation [counts].
        afterglow: fraction of a pixel's signal that reaches the next one of the line.
        saturation: quantile of the pixels above which values are clipped, 1 for none.
        storage: ``float``, ``uint16`` or ``uint8``.
        levels: fraction of the integer range that the image fills.
        hot_pixels: mean number of pixels struck by something else.
    """

    counts_per_carbon: float
    background: float = 0.0
    pulse_spread: float = 0.0
    read_noise: float = 0.0
    afterglow: float = 0.0
    saturation: float = 1.0
    storage: str = "float"
    levels: float = 1.0
    hot_pixels: float = 0.0


def random_exposure(rng: Generator) -> Exposure:
    """Draw an exposure; more than half lie at the doses of real graphene frames."""
    usual = rng.random() < 0.8
    low, high = (_USUAL_FEWEST, _USUAL_MOST) if usual else (_FEWEST, _MOST)
    return Exposure(
        counts_per_carbon=float(np.exp(rng.uniform(np.log(low), np.log(high)))),
        background=float(rng.choice([0.0, rng.uniform(0, 0.5)])),
        pulse_spread=float(rng.choice([0.0, rng.uniform(0, 0.6)])),
        read_noise=float(rng.choice([0.0, rng.uniform(0, 0.4)])),
        afterglow=float(rng.choice([0.0, 0.0, rng.uniform(0, 0.25)])),
        saturation=float(rng.choice([1.0, 1.0, 1.0, rng.uniform(0.99, 1.0)])),
        storage=str(rng.choice(["float", "float", "uint16", "uint8"])),
        levels=float(rng.uniform(0.3, 1.0)),
        hot_pixels=float(rng.choice([0.0, 0.0, 3.0])),
    )


def expose(
    density: NDArray[np.float32], pixel_A: float, exposure: Exposure, rng: Generator
) -> NDArray[np.float32]:
    """Record a frame.

    Args:
        density: scattering power per Å², where a carbon atom integrates to 1.
        pixel_A: sampling.
        exposure: how it is recorded.
        rng: source of chance.

    Returns:
        Stored values in the unit of the chosen storage, same shape.
    """
    area = pixel_A**2
    expected = density.astype(np.float64) * (exposure.counts_per_carbon * area)
    sheet = 0.382 * exposure.counts_per_carbon * area  # mean counts per pixel of graphene
    signal = rng.poisson(expected + exposure.background * sheet).astype(np.float64)
    if exposure.pulse_spread > 0:
        signal += np.sqrt(exposure.pulse_spread * signal) * rng.normal(size=signal.shape)
    if exposure.afterglow > 0:
        kept = 1.0 - exposure.afterglow
        signal = lfilter([kept], [1.0, -exposure.afterglow], signal, axis=1)
    if exposure.read_noise > 0:
        signal += exposure.read_noise * rng.normal(size=signal.shape)
    for _ in range(rng.poisson(exposure.hot_pixels)):
        row, column = (int(rng.integers(n)) for n in signal.shape)
        signal[row, column] += signal.max() * rng.uniform(0.5, 3)
    if exposure.saturation < 1:
        signal = np.minimum(signal, np.quantile(signal, exposure.saturation))
    return _stored(signal, exposure)


def _stored(signal: NDArray[np.float64], exposure: Exposure) -> NDArray[np.float32]:
    """Quantise as the file format does."""
    low, high = float(signal.min()), float(signal.max())
    unit = (signal - low) / max(high - low, 1e-12)
    if exposure.storage == "float":
        return unit.astype(np.float32)
    top = _LEVELS[exposure.storage] * exposure.levels
    return np.round(unit * top).astype(np.float32)
