"""The electron probe: its aberrations, as phases over the aperture.

Krivanek's coefficients C_nm with azimuths φ_nm give the phase
2π/λ sum C_nm alpha^(n+1) cos(m(φ - φ_nm)) / (n+1) at an angle alpha and an azimuth φ
(Krivanek, Dellby and Lupini, Ultramicroscopy 78, 1 (1999), 10.1016/S0304-3991(99)00013-3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from abtem.core.energy import energy2sigma, energy2wavelength

from .arrays import Complexes, Floats

ENERGY_eV = 60e3
WAVELENGTH_A = float(energy2wavelength(ENERGY_eV))
SIGMA_per_V_A = float(energy2sigma(ENERGY_eV))
EDGE_mrad = 1.0


@dataclass(frozen=True)
class Optics:
    """One setting of the microscope.

    Attributes:
        convergence_mrad: Semi-angle of the aperture.
        aberrations_A: (n, m) → (coefficient in Å, azimuth in rad).
    """

    convergence_mrad: float
    aberrations_A: dict[tuple[int, int], tuple[float, float]]

    def probe(self, px: int, sampling_A: float) -> Complexes:
        """Wave in reciprocal space for a probe at index 0, of unit total intensity in real space.

        Returns:
            (px, px) complex64, axes (x, y), zero frequency first.
        """
        k = np.fft.fftfreq(px, sampling_A)
        kx, ky = np.meshgrid(k, k, indexing="ij")
        angle = WAVELENGTH_A * np.hypot(kx, ky)
        azimuth = np.arctan2(ky, kx)
        edge = np.clip((self.convergence_mrad - 1e3 * angle) / EDGE_mrad + 0.5, 0.0, 1.0)
        wave = edge * np.exp(-1j * self.phase(angle, azimuth))
        return np.asarray((wave * px / np.sqrt((np.abs(wave) ** 2).sum())).astype(np.complex64))

    def phase(self, angle_rad: Floats, azimuth_rad: Floats) -> Floats:
        """Aberration function χ in radians."""
        total = np.zeros_like(angle_rad)
        for (n, m), (coefficient, toward) in self.aberrations_A.items():
            total += (
                coefficient * angle_rad ** (n + 1) / (n + 1) * np.cos(m * (azimuth_rad - toward))
            )
        return 2 * np.pi / WAVELENGTH_A * total

    @classmethod
    def draw(cls, rng: np.random.Generator, severity: float = 1.0) -> Optics:
        """A corrected 60 kV instrument after a fair (1) or a poor (3) tuning.

        The sizes are those stored in the state of a real instrument, mostly at their lower end:
        C12 1-4 nm, C21 and C23 0.03-0.15 µm, C30 0-2 µm.
        """
        convergence = rng.uniform(31.0, 35.0)
        c30 = rng.uniform(-0.3e4, 2.0e4)
        focus = -0.75 * c30 * (1e-3 * convergence) ** 2 + rng.normal(0.0, 8.0 * severity)
        sizes = {
            (1, 0): focus,
            (3, 0): c30,
            (1, 2): severity * rng.uniform(5.0, 25.0),
            (2, 1): severity * rng.uniform(200.0, 1000.0),
            (2, 3): severity * rng.uniform(200.0, 1000.0),
            (3, 2): severity * rng.uniform(0.0, 5e3),
            (3, 4): severity * rng.uniform(0.0, 5e3),
        }
        return cls(
            convergence,
            {nm: (size, rng.uniform(0, 2 * np.pi) if nm[1] else 0.0) for nm, size in sizes.items()},
        )


def propagator(px: int, sampling_A: float, distance_A: float, limit_per_A: float) -> Complexes:
    """Fresnel propagation over a distance, with the band limit that keeps products alias-free."""
    k = np.fft.fftfreq(px, sampling_A)
    square = k[:, None] ** 2 + k[None, :] ** 2
    wave = np.exp(-1j * np.pi * WAVELENGTH_A * distance_A * square)
    return (wave * (square <= limit_per_A**2)).astype(np.complex64)
