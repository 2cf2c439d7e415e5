"""The image of one atom: an aberrated probe, its source size, the atom's width and probe tails.

Annular dark field of a monolayer is linear in the specimen (incoherent imaging), so the frame is
the atoms convolved with this kernel. Aberrations as in Kirkland, Advanced Computing in Electron
Microscopy, DOI 10.1007/978-3-030-33260-0, chapter 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

__all__ = ["GRID_A", "ProbeSettings", "fwhm_A", "probe_kernel", "random_probe"]

GRID_A = 0.08
"""Sampling [Å] of the kernel and of the ideal image."""

_SIDE = 165  # odd: `fftconvolve` centres on the middle sample
_WAVELENGTH_A = {60: 0.04866, 80: 0.04176, 100: 0.03701}
_NARROWEST_A = 0.7


@dataclass(frozen=True)
class ProbeSettings:
    """What shapes the probe.

    Attributes:
        wavelength_A: of the electrons.
        semi_angle_rad: of convergence.
        defocus_A: C1, half of the time near zero.
        astigmatism_A: (2,) C12 along its two axes.
        coma_A: (2,) C21.
        threefold_A: (2,) C23.
        spherical_A: C3.
        source_A: standard deviation of the Gaussian source and of the atom's own width.
        tail: fraction of the intensity in the wide tail.
        tail_A: standard deviation of the wide tail.
    """

    wavelength_A: float
    semi_angle_rad: float
    defocus_A: float
    astigmatism_A: tuple[float, float]
    coma_A: tuple[float, float]
    threefold_A: tuple[float, float]
    spherical_A: float
    source_A: float
    tail: float
    tail_A: float


def random_probe(rng: Generator, widest_A: float) -> NDArray[np.float32]:
    """Draw probes until one has a width met at a microscope, 0.7 Å at least.

    Args:
        rng: source of chance.
        widest_A: largest full width at half maximum.

    Returns:
        Kernel as ``probe_kernel`` gives it.
    """
    while True:
        kernel = probe_kernel(_random_settings(rng))
        if _NARROWEST_A <= fwhm_A(kernel) <= widest_A:
            return kernel


def probe_kernel(settings: ProbeSettings) -> NDArray[np.float32]:
    """Compute the image of one atom on a grid of ``GRID_A``.

    Args:
        settings: what shapes it.

    Returns:
        (side, side) kernel that sums to 1, its bright core centred on the grid's middle sample.
    """
    k = np.fft.fftfreq(_SIDE, GRID_A)
    kx, ky = np.meshgrid(k, k)
    aperture = np.hypot(kx, ky) * settings.wavelength_A < settings.semi_angle_rad
    amplitude = np.where(aperture, np.exp(-1j * _phase(settings, kx, ky)), 0)
    intensity = np.abs(np.fft.ifft2(amplitude)) ** 2
    squared = kx**2 + ky**2
    core = np.exp(-2 * (np.pi * settings.source_A) ** 2 * squared)
    wide = np.exp(-2 * (np.pi * settings.tail_A) ** 2 * squared)
    transfer = core * ((1 - settings.tail) + settings.tail * wide)
    transfer = transfer * np.fft.fft2(intensity) / intensity.sum()
    shift_x, shift_y = _core_shift(np.fft.fftshift(np.fft.ifft2(transfer).real))
    transfer = transfer * np.exp(2j * np.pi * (kx * shift_x + ky * shift_y))
    kernel = np.fft.fftshift(np.fft.ifft2(transfer).real)
    return np.maximum(kernel, 0).astype(np.float32)


def fwhm_A(kernel: NDArray[np.float32]) -> float:
    """Return the diameter [Å] of the disc with the area above half of the maximum."""
    area = np.count_nonzero(kernel > 0.5 * kernel.max()) * GRID_A**2
    return float(2 * np.sqrt(area / np.pi))


def _phase(
    settings: ProbeSettings, kx: NDArray[np.float64], ky: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the aberration function [rad] at spatial frequencies [1/Å]."""
    ax, ay = kx * settings.wavelength_A, ky * settings.wavelength_A
    square = ax**2 + ay**2
    a12, b12 = settings.astigmatism_A
    a21, b21 = settings.coma_A
    a23, b23 = settings.threefold_A
    path = 0.5 * settings.defocus_A * square
    path += 0.5 * (a12 * (ax**2 - ay**2) + 2 * b12 * ax * ay)
    path += square * (a21 * ax + b21 * ay)
    path += (a23 * (ax**3 - 3 * ax * ay**2) + b23 * (3 * ax**2 * ay - ay**3)) / 3
    path += 0.25 * settings.spherical_A * square**2
    return np.asarray(2 * np.pi / settings.wavelength_A * path)


def _core_shift(kernel: NDArray[np.float64]) -> tuple[float, float]:
    """Locate the bright core [Å]: the centroid above half of the maximum."""
    weight = np.maximum(kernel - 0.5 * kernel.max(), 0)
    axis = (np.arange(_SIDE) - _SIDE // 2) * GRID_A
    total = weight.sum()
    return float(weight.sum(axis=0) @ axis / total), float(weight.sum(axis=1) @ axis / total)


def _random_settings(rng: Generator) -> ProbeSettings:
    """Draw aberrations from well tuned to poor; scales follow values met on real instruments."""
    mistuned = float(rng.choice([0.3, 0.3, 0.8, 1.6]))

    def pair(scale_A: float) -> tuple[float, float]:
        first, second = rng.normal(0, scale_A * mistuned, 2)
        return float(first), float(second)

    return ProbeSettings(
        wavelength_A=float(rng.choice([_WAVELENGTH_A[60]] * 4 + list(_WAVELENGTH_A.values()))),
        semi_angle_rad=float(rng.uniform(0.025, 0.036)),
        defocus_A=float(rng.normal(0, 25 * mistuned)),
        astigmatism_A=pair(15.0),
        coma_A=pair(900.0),
        threefold_A=pair(1500.0),
        spherical_A=float(rng.normal(0, 8e3 * mistuned)),
        source_A=float(rng.uniform(0.10, 0.42)),
        tail=float(rng.choice([0.0, rng.uniform(0.0, 0.4)])),
        tail_A=float(rng.uniform(0.8, 2.5)),
    )
