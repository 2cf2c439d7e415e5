"""How a focused beam turns a sample into counts on an annular dark-field detector.

The picture is the sum over atoms of their scattering power times the probe's intensity, in
electrons, and is then counted (Poisson). It is formed in Fourier space, so that atoms sit exactly
where they are and the probe keeps its tails. No multiple scattering: one layer of light atoms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.sources.specimen.sample import Specimen
from edge_agent.sources.specimen.view import View
from shared.units import ELEMENTARY_CHARGE_C

__all__ = ["Exposure", "Probe", "ScanJitter", "expose"]

Array = NDArray[np.float64]

_CARBON_CROSS_SECTION_A2: Final = 3e-4
"""Detected electrons per C over electrons per Å²: about 120 counts at 4e5 e/Å²."""
_CONTRAST_EXPONENT: Final = 1.64
"""Intensity goes as this power of the atomic number (Krivanek et al., doi:10.1038/nature08879)."""
_MARGIN_PX: Final = 64
"""Atoms and tails this far outside still count; the transform wraps around beyond it."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Intensity of the probe on the sample: a Gaussian and wide tails.

    Attributes:
        sigma_A: Width of the Gaussian, Å.
        tail_fraction: Share of the electrons in the tails, which fall off as the third power
            of the distance.
        tail_A: Distance at which they begin to, Å.
    """

    sigma_A: float = 0.43
    tail_fraction: float = 0.15
    tail_A: float = 0.9

    def transfer(self, frequency_per_A: Array) -> Array:
        """Return the Fourier transform of the normalised intensity.

        The tails are gamma / (2 pi (r^2 + gamma^2)^1.5), whose transform is exponential.
        """
        gauss = np.exp(-2 * (math.pi * self.sigma_A * frequency_per_A) ** 2)
        tails = np.exp(-2 * math.pi * self.tail_A * frequency_per_A)
        return np.asarray((1 - self.tail_fraction) * gauss + self.tail_fraction * tails)


@dataclass(frozen=True, slots=True)
class ScanJitter:
    """Lines of the scan that start a little early or late.

    Attributes:
        rms_A: Spread of the lines along the fast axis, Å.
        memory: Correlation of a line with the one before it, 0 to 1.
    """

    rms_A: float = 0.03
    memory: float = 0.7

    def draw(self, rows: int, rng: np.random.Generator) -> Array:
        """Return the (rows,) displacements, Å."""
        noise = rng.normal(size=rows) * self.rms_A * math.sqrt(1 - self.memory**2)
        lines = np.empty(rows)
        last = float(rng.normal()) * self.rms_A
        for row in range(rows):
            last = lines[row] = self.memory * last + noise[row]
        return lines


@dataclass(frozen=True, slots=True)
class Exposure:
    """Beam and detector during a frame.

    Attributes:
        beam_current_pA: Probe current, pA.
        dwell_time_us: Dwell time per pixel, µs.
        dark_counts_per_us: What the detector counts without any sample.
        drift_A_s: (row, column) velocity of the sample while the frame is scanned, Å/s.
        probe: The probe.
        jitter: The scan's unsteadiness.
    """

    beam_current_pA: float
    dwell_time_us: float
    dark_counts_per_us: float = 0.02
    drift_A_s: tuple[float, float] = (0.0, 0.0)
    probe: Probe = Probe()
    jitter: ScanJitter = ScanJitter()

    @property
    def electrons_per_pixel(self) -> float:
        """Electrons that pass while the probe rests on one pixel."""
        return self.beam_current_pA * self.dwell_time_us * 1e-18 / ELEMENTARY_CHARGE_C


def expose(
    specimen: Specimen, view: View, exposure: Exposure, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Return one frame of counts, (rows, columns)."""
    per_electron = _scattering(specimen, view, exposure)
    shifts = exposure.jitter.draw(view.shape[0] + 2 * _MARGIN_PX, rng) / view.pixel_size_A
    mean = _displaced(per_electron, shifts)[_MARGIN_PX:-_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX]
    dark = exposure.dark_counts_per_us * exposure.dwell_time_us
    counts = rng.poisson(np.maximum(mean, 0) * exposure.electrons_per_pixel + dark)
    return np.minimum(counts, np.iinfo(np.uint16).max).astype(np.uint16)


def _scattering(specimen: Specimen, view: View, exposure: Exposure) -> Array:
    """Return the detected share of the electrons per pixel, with a margin all around."""
    pixels, numbers = specimen.atoms(view, margin_A=(_MARGIN_PX - 8) * view.pixel_size_A)
    line_s = view.shape[1] * exposure.dwell_time_us * 1e-6
    drift = np.asarray(exposure.drift_A_s) * line_s / view.pixel_size_A
    pixels = pixels + pixels[:, :1] * drift + _MARGIN_PX
    power = _CARBON_CROSS_SECTION_A2 * (numbers / 6.0) ** _CONTRAST_EXPONENT
    shape = (view.shape[0] + 2 * _MARGIN_PX, view.shape[1] + 2 * _MARGIN_PX)
    brush = min(1.0, 0.7 * exposure.probe.sigma_A / view.pixel_size_A)
    spectrum = np.fft.rfft2(_painted(pixels, power / view.pixel_size_A**2, shape, brush))
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None])
    spectrum *= exposure.probe.transfer(frequency / view.pixel_size_A)
    spectrum /= np.exp(-2 * (math.pi * brush * frequency) ** 2)
    return np.fft.irfft2(spectrum, s=shape)


def _painted(pixels: Array, weights: Array, shape: tuple[int, int], brush_px: float) -> Array:
    """Put every atom on the grid as a small Gaussian, to be taken out again in Fourier space."""
    offsets = np.arange(-5, 6)
    corner = np.rint(pixels).astype(np.int64)
    apart = corner[:, :, None] + offsets - pixels[:, :, None]
    profile = np.exp(-0.5 * (apart / brush_px) ** 2)
    profile /= math.sqrt(2 * math.pi) * brush_px
    stamps = weights[:, None, None] * profile[:, 0, :, None] * profile[:, 1, None, :]
    rows = (corner[:, 0, None] + offsets)[:, :, None]
    columns = (corner[:, 1, None] + offsets)[:, None, :]
    flat = (rows * shape[1] + columns).ravel()
    counted = np.bincount(flat, stamps.ravel(), minlength=shape[0] * shape[1])
    return np.asarray(counted, dtype=np.float64).reshape(shape)


def _displaced(picture: Array, shifts_px: Array) -> Array:
    """Shift every row along the fast axis, exactly, by its own amount."""
    frequency = np.fft.rfftfreq(picture.shape[1])
    spectrum = np.fft.rfft(picture, axis=1)
    spectrum *= np.exp(-2j * math.pi * shifts_px[:, None] * frequency)
    return np.fft.irfft(spectrum, n=picture.shape[1], axis=1)
