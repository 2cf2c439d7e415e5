"""From a noiseless image to a recorded frame: counts, the detector's faults, the file's numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates, spline_filter

from .arrays import Floats, Pixels

OVERSAMPLING = 4
FWHM_TO_SIGMA = 1.0 / 2.3548


@dataclass(frozen=True)
class Exposure:
    """How a frame is recorded.

    Attributes:
        dose_e_A2: Electrons that hit the specimen.
        collected: Share of the simulated signal that the detector counts.
        dark: Counts per pixel without a specimen.
        pulse_spread: Relative variance of one electron's pulse height.
        read_noise: Standard deviation per pixel, in counts.
        lag: Weight of the afterglow, which decays along the fast axis.
        lag_px: Its decay length.
        dtype: "float32" scaled to 0..1, "uint16" or "uint8".
    """

    dose_e_A2: float
    collected: float = 1.0
    dark: float = 0.02
    pulse_spread: float = 0.2
    read_noise: float = 0.1
    lag: float = 0.0
    lag_px: float = 0.5
    dtype: str = "float32"

    @property
    def lag_shift_px(self) -> float:
        """Mean displacement to the right that the afterglow makes, in pixels."""
        decay = np.exp(-1.0 / self.lag_px)
        return float(self.lag * decay / (1.0 - decay))

    def expected(self, fraction: Floats, pixel_A: float) -> Floats:
        """Mean counts per pixel from the fraction of the beam that the detector catches."""
        return self.dose_e_A2 * pixel_A**2 * self.collected * fraction + self.dark

    def record(self, expected: Floats, rng: np.random.Generator) -> Floats:
        """Draw the counts and pass them through the detector's chain; still in counts."""
        counts = rng.poisson(expected).astype(np.float64)
        if self.pulse_spread > 0:
            hit = counts > 0
            counts[hit] = rng.gamma(counts[hit] / self.pulse_spread, self.pulse_spread)
        signal = self._afterglow(counts)
        return signal + rng.normal(0.0, self.read_noise, signal.shape)

    def _afterglow(self, signal: Floats) -> Floats:
        """Delay a share of each pixel's signal, in reading order."""
        if self.lag == 0:
            return signal
        decay = np.exp(-1.0 / self.lag_px)
        taps = (1.0 - decay) * decay ** np.arange(12)
        line = signal.ravel()
        late = np.convolve(line, taps)[: line.size]
        return ((1.0 - self.lag) * line + self.lag * late).reshape(signal.shape)

    @classmethod
    def draw(
        cls, rng: np.random.Generator, dose_e_A2: float, collected: float, dtype: str
    ) -> Exposure:
        """A photomultiplier behind a scintillator, as on most instruments."""
        return cls(
            dose_e_A2=dose_e_A2,
            collected=collected,
            dark=rng.uniform(0.0, 0.08),
            pulse_spread=rng.uniform(0.08, 0.3),
            read_noise=rng.uniform(0.05, 0.2),
            lag=rng.uniform(0.0, 0.25),
            lag_px=rng.uniform(0.3, 0.8),
            dtype=dtype,
        )


class NoiselessImage:
    """A periodic band-limited image that can be looked up anywhere.

    Args:
        fraction: (rows, columns), one period.
        step_A: Between its samples; the first lies at the origin.
        source_fwhm_A: Gaussian size of the electron source at the specimen.
    """

    def __init__(self, fraction: Floats, step_A: float, source_fwhm_A: float) -> None:
        rows, columns = fraction.shape
        fine = (OVERSAMPLING * rows, OVERSAMPLING * columns)
        self._fine_step_A = step_A / OVERSAMPLING
        k = [np.fft.fftfreq(n, step_A) for n in fraction.shape]
        square = k[0][:, None] ** 2 + k[1][None, :] ** 2
        blur = np.exp(-2 * (np.pi * source_fwhm_A * FWHM_TO_SIGMA) ** 2 * square)
        spectrum = np.zeros(fine, complex)
        index = [np.fft.fftfreq(n, 1.0 / n).astype(int) for n in fraction.shape]
        spectrum[np.ix_(*index)] = np.fft.fft2(fraction) * blur
        image = np.fft.ifft2(spectrum).real * OVERSAMPLING**2
        self._spline = spline_filter(image, order=3, mode="grid-wrap")

    def __call__(self, xy_A: Floats) -> Floats:
        """Fractions at points (…, 2) Å."""
        index = np.moveaxis(xy_A[..., ::-1] / self._fine_step_A, -1, 0)
        return np.asarray(
            map_coordinates(self._spline, index, order=3, mode="grid-wrap", prefilter=False)
        )


def to_file_numbers(signal: Floats, dtype: str, rng: np.random.Generator) -> Pixels:
    """Gain, offset and number format: floats 0..1, 16-bit with an offset, 8-bit that clips."""
    if dtype == "float32":
        low, high = signal.min(), signal.max()
        return np.asarray(((signal - low) / (high - low)).astype(np.float32))
    if dtype == "uint16":
        gain = min(rng.uniform(40.0, 400.0), 60000.0 / signal.max())
        levels = np.clip(np.round(signal * gain + rng.uniform(200, 900)), 0, 65535)
        return np.asarray(levels.astype(np.uint16))
    low, high = np.quantile(signal, [0.0005, 0.9995])
    levels = np.clip(np.round((signal - low) / (high - low) * 250 + 2), 0, 255)
    return np.asarray(levels.astype(np.uint8))
