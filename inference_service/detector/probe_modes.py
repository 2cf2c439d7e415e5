"""How probes differ from one another: the modes that optics allows, and how far they usually go.

A frame of a lattice cannot determine every pixel of its probe, but few of the shapes that would
explain it are images of an atom. Here probes are drawn from wave optics, from well tuned to poor,
and analysed into principal components: the shapes to look for, with a prior for each. All lengths
are in units of the core's width, so they hold for any voltage, aperture and pixel. Aberrations as
in Kirkland, Advanced Computing in Electron Microscopy, doi:10.1007/978-3-030-33260-0, chapter 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inference_service.detector.probe import FWHM_PER_S, TAIL_WIDTHS, Shape, hermite

__all__ = ["ORDER", "WIDTH_LOOSE", "Modes", "core_orders", "probe_modes"]

FloatArray = NDArray[np.float64]

ORDER: Final = 8
"""Highest order of the Hermite functions."""
PROBES: Final = 160
"""Drawn; three to four per amount of the shapes."""
KEPT: Final = 18
"""Modes kept: what is left out is below 1 % of a probe in all but the poorest."""
SEED: Final = 60
APERTURE: Final = 20
"""Radius of the aperture on the grid of spatial frequencies."""
GRID_U: Final = 0.15
REACH_U: Final = 4.2
"""Sampling and half the edge, in widths, of the area on which shapes are compared."""
TAPER_U: Final = (2.3, 4.0)
"""Radii, in widths, between which shapes fade out: what lies beyond cannot be told from the
background, and would couple atoms across the whole frame."""
EDGE_PHASES: Final = (1.5, 0.9, 0.9, 2.0, 2.0, 0.8, 0.8, 0.4)
"""Standard deviations, rad at the edge of the aperture, of defocus, two of astigmatism, two of
coma, two of threefold astigmatism and spherical aberration of a moderately tuned column."""
TUNING: Final = (0.3, 0.3, 0.8, 1.6)
"""Factors on them, from well tuned to poor."""
SOURCE: Final = (0.09, 0.27)
"""Range of the source's standard deviation, in wavelengths over the aperture's angle."""
TAIL: Final = (0.4, 0.5, 1.5)
"""Largest share of a probe's tail, and range of its standard deviation in the same unit."""
WIDTH_LOOSE: Final = 0.08
"""Standard deviation of the width's error, relative, when modes are fitted."""


@dataclass(frozen=True)
class Modes:
    """Shapes as amounts of the Hermite functions, in the order of `core_orders`."""

    mean: FloatArray
    """(m,) of the mean probe, unit width, unit peak, core centred."""
    directions: FloatArray
    """(k, m) the first widens the mean; each is scaled to one standard deviation."""

    def shape(self, amounts: FloatArray) -> Shape:
        """The shape of these (k,) amounts of the modes."""
        return shape_of(self.mean + amounts @ self.directions)


def core_orders(order: int) -> list[tuple[int, int]]:
    """Orders along x and y of the Hermite functions up to a total order, the lowest first."""
    pairs = [(i, j) for i in range(order + 1) for j in range(order + 1 - i)]
    return sorted(pairs, key=sum)


def shape_of(amounts: FloatArray) -> Shape:
    """A shape out of its amounts."""
    orders = np.array(core_orders(ORDER))
    core = np.zeros((ORDER + 1, ORDER + 1))
    core[tuple(orders.T)] = amounts
    return Shape(core, np.zeros(len(TAIL_WIDTHS)))


@lru_cache(maxsize=1)
def probe_modes() -> Modes:
    """Draw the probes and analyse them; always the same."""
    rng = np.random.default_rng(SEED)
    axis = np.arange(-REACH_U, REACH_U + GRID_U / 2, GRID_U)
    basis = basis_of(axis)
    gram = basis @ basis.T
    gram[np.diag_indices(len(gram))] += 1e-3 * gram.trace() / len(gram)
    fade = taper(axis).ravel()
    images = np.stack([drawn_probe(rng, axis).ravel() * fade for _ in range(PROBES)])
    shapes = np.linalg.solve(gram, basis @ images.T).T
    mean = shapes.mean(axis=0)
    _, spread, directions = np.linalg.svd((shapes - mean) @ basis, full_matrices=False)
    modes = np.linalg.solve(gram, basis @ directions[:KEPT].T).T
    modes *= spread[:KEPT, None] / np.sqrt(PROBES)
    wider = WIDTH_LOOSE * widening(mean, basis, gram, axis)
    return Modes(mean, np.concatenate([wider[None], modes]))


def basis_of(axis: FloatArray) -> FloatArray:
    """Every function of the shapes on a square grid, (m, pixels)."""
    table = hermite(axis, ORDER)
    cores = [np.outer(table[j], table[i]) for i, j in core_orders(ORDER)]
    return np.asarray(np.stack(cores).reshape(-1, len(axis) ** 2))


def taper(axis: FloatArray) -> FloatArray:
    """Factor that fades shapes out, on the square grid of an axis."""
    share = (np.hypot(axis, axis[:, None]) - TAPER_U[0]) / (TAPER_U[1] - TAPER_U[0])
    return np.asarray(np.cos(0.5 * np.pi * np.clip(share, 0.0, 1.0)) ** 2)


def widening(mean: FloatArray, basis: FloatArray, gram: FloatArray, axis: FloatArray) -> FloatArray:
    """Derivative of a shape by the logarithm of its width, as amounts, (m,)."""
    small = 0.02
    shape = shape_of(mean)
    change = shape.values(axis / (1 + small), axis / (1 + small)) - shape.values(axis, axis)
    return np.asarray(np.linalg.solve(gram, basis @ (change.ravel() / small)))


def drawn_probe(rng: Generator, axis: FloatArray) -> FloatArray:
    """Draw one probe: its image on the axis in units of its width, core centred, unit peak."""
    transfer, frequencies = drawn_transfer(rng)
    coarse = np.linspace(-1.6, 1.6, 65)
    image = intensity(transfer, frequencies, coarse, coarse)
    bright = np.maximum(image - 0.5 * image.max(), 0.0)
    x, y = (float(bright.sum(i) @ coarse / bright.sum()) for i in (0, 1))
    area = np.count_nonzero(image > 0.5 * image.max()) * (coarse[1] - coarse[0]) ** 2
    width = 2.0 * np.sqrt(area / np.pi) / FWHM_PER_S
    peak = intensity(transfer, frequencies, np.array([x]), np.array([y]))[0, 0]
    whole = intensity(transfer, frequencies, x + width * axis, y + width * axis)
    return np.asarray(whole / peak)


def drawn_transfer(rng: Generator) -> tuple[NDArray[np.complex128], FloatArray]:
    """Transfer function of a probe, source and tail, and its frequencies over the aperture's."""
    k, squared, waves = aperture_waves()
    edge = rng.normal(0.0, np.array(EDGE_PHASES) * rng.choice(TUNING))
    amplitude = np.where(squared < 1.0, np.exp(-1j * np.tensordot(edge, waves, 1)), 0.0)
    transfer = np.fft.fft2(np.abs(np.fft.ifft2(amplitude)) ** 2)
    share = rng.choice([0.0, rng.uniform(0.0, TAIL[0])])
    source, tail = rng.uniform(*SOURCE), rng.uniform(TAIL[1], TAIL[2])
    blur = np.exp(-2.0 * (np.pi * source) ** 2 * squared)
    wide = np.exp(-2.0 * (np.pi * tail) ** 2 * squared)
    return transfer * blur * ((1.0 - share) + share * wide), k


@lru_cache(maxsize=1)
def aperture_waves() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Frequencies over the aperture's, their squared radius, and each aberration's phase there."""
    side = 4 * APERTURE + 4
    k = np.fft.fftfreq(side, 1.0 / side) / APERTURE
    kx, ky = np.meshgrid(k, k)
    squared = kx**2 + ky**2
    waves = np.stack(
        [
            squared,
            kx**2 - ky**2,
            2 * kx * ky,
            squared * kx,
            squared * ky,
            kx**3 - 3 * kx * ky**2,
            3 * kx**2 * ky - ky**3,
            squared**2,
        ]
    )
    return k, squared, waves


def intensity(
    transfer: NDArray[np.complex128], frequencies: FloatArray, x: FloatArray, y: FloatArray
) -> FloatArray:
    """Image of a transfer function at a grid of places, (len(y), len(x))."""
    along_x = np.exp(2j * np.pi * np.outer(frequencies, x))
    along_y = np.exp(2j * np.pi * np.outer(y, frequencies))
    return np.asarray((along_y @ transfer @ along_x).real)
