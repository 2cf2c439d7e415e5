"""Noiseless annular dark-field images by multislice, from abTEM's Lobato potentials.

Every probe sees a window cut from the box, so the cost grows with the area alone. Three things
differ from abTEM's own scan, to which `compare` sets this one: the window; atoms are placed in
reciprocal space (exact between pixels, where bilinear placement changes a carbon's signal); and
thermal motion is sampled by few configurations, in which each atom takes the corners of a regular
polygon of random orientation around its site. Their mean is the site itself and their variance
that of an Einstein solid, so that few suffice and truth positions stay exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyfftw
from abtem.parametrizations import LobatoParametrization
from ase.data import chemical_symbols
from numpy.lib.stride_tricks import sliding_window_view

from .arrays import Bools, Complexes, Floats, Ints
from .optics import WAVELENGTH_A, Optics, SIGMA_per_V_A, propagator

SAMPLING_A = 0.08
STEP_PX = 4
"""0.32 Å between probes: below the Nyquist step λ/4alpha of 0.35 Å for 35 mrad."""
CONFIGURATIONS = 4
DETECTORS_mrad = {"HAADF": (80.0, 200.0), "MAADF": (54.0, 200.0)}
LIMIT_per_A = 2.0 / 3.0 / (2.0 * SAMPLING_A)
BATCH = 12
"""Probes at once: what fits in a core's second-level cache, three times as fast as 36."""
VIBRATION_A = {6: 0.055, 14: 0.06, 5: 0.055, 7: 0.055, 8: 0.06}
VIBRATION_OF_OTHERS_A = 0.075


@dataclass(frozen=True)
class Slicing:
    """How a specimen is cut for the wave.

    Attributes:
        window_px: Side of the square each probe sees.
        thickness_A: Of a slice; empty slices cost nothing.
        configurations: Of thermal motion.
    """

    window_px: int = 144
    thickness_A: float = 1.6
    configurations: int = CONFIGURATIONS


@dataclass(frozen=True)
class Atoms3D:
    """What scatters: positions (n, 3) Å, atomic numbers (n,), in a periodic square box."""

    box_A: float
    positions_A: Floats
    numbers: Ints

    def vibrating(self, count: int, rng: np.random.Generator) -> Iterator[Atoms3D]:
        """Configurations with zero mean displacement and the right variance along x and y."""
        amplitude = np.array([VIBRATION_A.get(int(z), VIBRATION_OF_OTHERS_A) for z in self.numbers])
        first = rng.uniform(0, 2 * np.pi, len(self.numbers))
        for k in range(count):
            angle = first + 2 * np.pi * k / count
            moved = self.positions_A.copy()
            moved[:, 0] += np.sqrt(2) * amplitude * np.cos(angle)
            moved[:, 1] += np.sqrt(2) * amplitude * np.sin(angle)
            yield Atoms3D(self.box_A, moved, self.numbers)


def scan(
    atoms: Atoms3D,
    optics: Optics,
    slicing: Slicing,
    rng: np.random.Generator,
    report: Callable[[float], None] = lambda _: None,
) -> dict[str, Floats]:
    """Scan the whole box.

    Returns:
        Detector → (rows, columns) float32: the fraction of the beam that it catches, with the
        probe at multiples of STEP_PX x SAMPLING_A.
    """
    side = round(atoms.box_A / SAMPLING_A / STEP_PX)
    total = np.zeros((len(DETECTORS_mrad), side, side))
    for k, configuration in enumerate(atoms.vibrating(slicing.configurations, rng)):
        total += scan_still(configuration, optics, slicing)
        report((k + 1) / slicing.configurations)
    images = (total / slicing.configurations).transpose(0, 2, 1).astype(np.float32)
    return dict(zip(DETECTORS_mrad, images, strict=True))


def scan_still(atoms: Atoms3D, optics: Optics, slicing: Slicing) -> Floats:
    """Scan one configuration: (detectors, x, y) fractions of the beam."""
    px, window = round(atoms.box_A / SAMPLING_A), slicing.window_px
    slices = _slices(atoms, slicing.thickness_A)
    gratings = [_windows(_grating(inside, px), window) for _, inside in slices]
    occupied = [_occupied(inside, px, window) for _, inside in slices]
    heights = [z for z, _ in slices]
    incoming = optics.probe(window, SAMPLING_A)
    centre = _shift_to_centre(window)
    masks = _detector_masks(window)
    side = px // STEP_PX
    signal = np.zeros((len(masks), side, side))
    wave = pyfftw.empty_aligned((BATCH, window, window), "complex64")
    forward, backward = _transforms(wave)
    hop = lru_cache(maxsize=64)(lambda d: propagator(window, SAMPLING_A, d, LIMIT_per_A))
    for i in range(side):
        for start in range(0, side, BATCH):
            columns = np.arange(start, min(start + BATCH, side))
            seen = [s for s, o in enumerate(occupied) if o[i, columns].any()]
            if not seen:
                continue
            at = heights[seen[0]]
            wave[:] = np.fft.ifft2(incoming * hop(at) * centre)
            for s in seen:
                if s != seen[0]:
                    forward()
                    wave *= hop(round(heights[s] - at, 3))
                    backward()
                    at = heights[s]
                wave[: len(columns)] *= gratings[s][i * STEP_PX, columns * STEP_PX]
            forward()
            power = (wave.real**2 + wave.imag**2).reshape(BATCH, -1)[: len(columns)]
            signal[:, i, columns] = masks @ power.T / window**2
    return signal


def _slices(atoms: Atoms3D, thickness_A: float) -> list[tuple[float, Atoms3D]]:
    """Occupied slices from the side of the gun on, each with its height."""
    index = np.round(atoms.positions_A[:, 2] / thickness_A).astype(int)
    return [
        (
            round(float(k * thickness_A), 3),
            Atoms3D(atoms.box_A, atoms.positions_A[index == k], atoms.numbers[index == k]),
        )
        for k in np.unique(index)
    ]


def _grating(atoms: Atoms3D, px: int) -> Complexes:
    """Transmission exp(i sigma V) of a slice on the box's grid (px, px), band-limited."""
    k = np.fft.fftfreq(px, SAMPLING_A)
    square = k[:, None] ** 2 + k[None, :] ** 2
    band = square <= LIMIT_per_A**2
    spectrum = np.zeros((px, px), np.complex128)
    for number in np.unique(atoms.numbers):
        x, y, _ = atoms.positions_A[atoms.numbers == number].T
        factor = LobatoParametrization().projected_scattering_factor(chemical_symbols[number])
        waves = np.exp(-2j * np.pi * np.outer(k, x)) @ np.exp(-2j * np.pi * np.outer(y, k))
        spectrum += waves * factor(square)
    potential_V_A = np.fft.ifft2(spectrum).real / SAMPLING_A**2
    wave = np.exp(1j * SIGMA_per_V_A * potential_V_A)
    return np.fft.ifft2(np.fft.fft2(wave) * band).astype(np.complex64)


def _windows(grating: Complexes, window: int) -> Complexes:
    """View whose element [i, j] is the window centred on grid point (i, j)."""
    before, after = window // 2, window - window // 2
    padded = np.pad(grating, ((before, after), (before, after)), mode="wrap")
    return sliding_window_view(padded, (window, window))


def _occupied(atoms: Atoms3D, px: int, window: int) -> Bools:
    """Which scan points have an atom of the slice in their window."""
    side, reach = px // STEP_PX, window // (2 * STEP_PX)
    cells = np.zeros((side, side))
    index = np.floor(atoms.positions_A[:, :2] / SAMPLING_A / STEP_PX).astype(int) % side
    cells[index[:, 0], index[:, 1]] = 1
    near = np.zeros(side)
    near[: reach + 1] = near[-reach:] = 1
    spread = np.fft.fft(near)
    counted = np.fft.ifft2(np.fft.fft2(cells) * spread[:, None] * spread[None, :]).real
    return counted > 0.5


def _shift_to_centre(window: int) -> Complexes:
    k = np.fft.fftfreq(window)
    return np.exp(-2j * np.pi * (k[:, None] + k[None, :]) * (window // 2)).astype(np.complex64)


def _detector_masks(window: int) -> Floats:
    """(detectors, window²) float32, 1 where a detector collects."""
    k = np.fft.fftfreq(window, SAMPLING_A)
    angle = 1e3 * WAVELENGTH_A * np.hypot(k[:, None], k[None, :]).ravel()
    masks = [(inner <= angle) & (angle < outer) for inner, outer in DETECTORS_mrad.values()]
    return np.array(masks, np.float32)


def _transforms(wave: Complexes) -> tuple[Callable[[], object], Callable[[], object]]:
    options = {"axes": (1, 2), "flags": ("FFTW_MEASURE",), "threads": 1}
    return (
        pyfftw.FFTW(wave, wave, direction="FFTW_FORWARD", **options),
        pyfftw.FFTW(wave, wave, direction="FFTW_BACKWARD", **options),
    )
