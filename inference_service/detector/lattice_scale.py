"""Measure the size of a pixel from graphene's own reflections in the image's power spectrum.

Graphene shows six first-order reflections (2.13 Å) and six second-order ones (1.23 Å) turned by
30°. A basis of two reflections is accepted only where both orders stand above the noise, so a
frame without graphene is never given a scale. The isotropic part of the basis is the pixel size;
the rest is distortion or strain and is reported beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from shared.units import GRAPHENE_LATTICE_A

__all__ = ["LatticeScale", "measure_lattice"]

FloatArray = NDArray[np.float64]

FIRST: Final = np.array([(1, 0), (0, 1), (-1, 1)])
"""First-order reflections of a 60° basis, one of each Friedel pair."""
SECOND: Final = np.array([(1, 1), (-1, 2), (2, -1)])
"""Second-order reflections of the same basis."""

MAX_SIDE_PX: Final = 1024
"""Larger frames are measured on their central square of this side: enough for 0.1 %."""
HIGHEST_FREQUENCY: Final = 0.33
"""Cycles per pixel looked at: the second order of graphene at 0.4 Å per pixel."""
QUIET_OFFSET: Final = 0.978 - 0.577
"""Between the mean logarithm of all noise and that of its quieter part."""
CANDIDATES: Final = 24
"""Strongest spectral peaks among which a basis is sought."""
LENGTH_TOLERANCE: Final = 0.12
"""Largest difference of two basis lengths, relative: scan distortion reaches 5 %."""
ANGLE_TOLERANCE_RAD: Final = np.deg2rad(8.0)
FIRST_POWER: Final = 9.0
"""Power over noise that two first-order reflections need; one bin of noise: P = e^-9."""
SECOND_POWER: Final = 6.0
"""The same for the third first-order reflection and for two second-order ones."""
HEXAGON_SCORE: Final = 12.3
"""Least sum of log powers of the six reflections: pure noise reached 11.6 in 400 frames."""
LOW_PERCENTILE: Final = 1.0
HIGH_PERCENTILES: Final = (85.0, 95.0, 99.0, 99.9, 100.0)
"""Intensities are clipped: heavy atoms and dirt drown the lattice otherwise. The first of the high
levels that differs from the median and the low one is taken: sparse counts are mostly zero."""
PIXEL_RANGE_A: Final = (0.02, 0.4)
"""Sizes that are believed, Å."""
MAX_DISTORTION: Final = 0.06
"""Largest distortion that is still called graphene; real frames reached 0.032."""
MAX_RELATIVE_SIGMA: Final = 0.03
MIN_CYCLES: Final = 5.0
"""Fewest lattice rows across the frame; below that the reflections overlap."""
RELATIVE_FLOOR: Final = 0.002
"""Systematic floor of the relative uncertainty: the lattice constant under mild strain."""


@dataclass(frozen=True)
class LatticeScale:
    """What the reflections say."""

    pixel_size_A: float
    """Isotropic size of a pixel, Å."""
    sigma_A: float
    """Standard error of it, Å."""
    distortion: float
    """Half the difference of the principal stretches: 0 for a perfect hexagon."""
    contrast: float
    """Mean power of the first order over the noise."""


def measure_lattice(image: FloatArray) -> LatticeScale | None:
    """Recognise graphene and measure the pixel size by it.

    Args:
        image: (rows, columns), finite.

    Returns:
        The scale, or None where first and second order are not both recognised.
    """
    spectrum = whitened_spectrum(central_square(image))
    peaks = strongest_peaks(spectrum)
    best = best_basis(spectrum, peaks)
    if best is None:
        return None
    refined = refine_basis(spectrum, best)
    if refined is None:
        return None
    basis, residual = refined
    found = describe(basis, residual, float(np.mean(peak_powers(spectrum, FIRST @ basis))))
    return found if credible(found) else None


def credible(found: LatticeScale) -> bool:
    """Whether the hexagon is regular, well determined and of a size that microscopes use."""
    return (
        PIXEL_RANGE_A[0] < found.pixel_size_A < PIXEL_RANGE_A[1]
        and found.distortion < MAX_DISTORTION
        and found.sigma_A < MAX_RELATIVE_SIGMA * found.pixel_size_A
    )


@dataclass(frozen=True)
class Spectrum:
    """The middle of a power spectrum in units of its local noise."""

    power: FloatArray
    """(rows, columns), noise has mean 1, zero frequency at `shape // 2`."""
    whole: tuple[int, int]
    """Shape of the spectrum it was cut from: the image's."""

    @property
    def centre(self) -> FloatArray:
        """(row, column) of zero frequency."""
        return np.array([n // 2 for n in self.power.shape], dtype=np.float64)

    def bins(self, q: FloatArray) -> FloatArray:
        """Turn (n, 2) row, column frequencies in cycles per pixel into array positions."""
        return np.asarray(q * np.array(self.whole) + self.centre)

    def frequencies(self, position: FloatArray) -> FloatArray:
        """Turn (n, 2) array positions into cycles per pixel."""
        return np.asarray((position - self.centre) / np.array(self.whole))


def central_square(image: FloatArray) -> FloatArray:
    """Return at most the central `MAX_SIDE_PX` of either axis."""
    rows, cols = (min(n, MAX_SIDE_PX) for n in image.shape)
    top, left = (image.shape[0] - rows) // 2, (image.shape[1] - cols) // 2
    return image[top : top + rows, left : left + cols]


def whitened_spectrum(image: FloatArray) -> Spectrum:
    """Hann-windowed power spectrum divided by the median of its own annulus."""
    low, median, *levels = np.percentile(image, (LOW_PERCENTILE, 50.0, *HIGH_PERCENTILES))
    high = next((level for level in levels if level > max(low, median)), levels[-1])
    clipped = np.clip(image, low, high)
    clipped -= clipped.mean()
    window = np.outer(*(np.hanning(n + 2)[1:-1] for n in image.shape)).astype(np.float32)
    middle = tuple(
        slice(n // 2 - k, n // 2 + k + 1)
        for n, k in ((n, int(HIGHEST_FREQUENCY * n)) for n in image.shape)
    )
    whole = fft.fftshift(fft.fft2(clipped.astype(np.float32) * window))
    power = np.abs(whole[middle]).astype(np.float64) ** 2 + 1e-30
    rows, cols = power.shape
    fy = (np.arange(rows) - rows // 2) / image.shape[0]
    fx = (np.arange(cols) - cols // 2) / image.shape[1]
    annulus = np.rint(np.hypot(fy[:, None], fx[None, :]) * min(image.shape)).astype(np.intp)
    floor = annulus_noise(power, annulus)
    return Spectrum(power / np.maximum(floor[annulus], 1e-300), (image.shape[0], image.shape[1]))


def annulus_noise(power: FloatArray, annulus: NDArray[np.intp]) -> FloatArray:
    """Mean noise power of each annulus one bin wide, (n_annuli,).

    From the mean logarithm of what does not stand out: noise power X of mean 1 is exponentially
    distributed, so ln X has mean -0.577 (Euler), and -0.978 where X < exp(1 - 0.577).
    """
    flat = annulus.ravel()
    logarithm = np.log(power).ravel()
    count = np.maximum(np.bincount(flat), 1)
    level = np.bincount(flat, logarithm) / count
    for _ in range(2):
        plain = logarithm < level[flat] + 1.0
        count = np.bincount(flat, plain)
        quiet = np.bincount(flat, logarithm * plain) / np.maximum(count, 1)
        level = np.where(count > 0, quiet + QUIET_OFFSET, level)
    smooth = ndimage.median_filter(level, size=3, mode="nearest")
    return np.asarray(np.exp(smooth + np.euler_gamma))


def strongest_peaks(spectrum: Spectrum) -> FloatArray:
    """Strongest local maxima of the lower half plane, (n, 2) row, column in cycles per pixel."""
    power = spectrum.power
    top = ndimage.maximum_filter(power, size=3) == power
    rows, cols = np.nonzero(top & (power > FIRST_POWER))
    q = spectrum.frequencies(np.stack([rows, cols], axis=1).astype(np.float64))
    half = (q[:, 0] > 0) | ((q[:, 0] == 0) & (q[:, 1] > 0))
    far = np.hypot(*(q * min(spectrum.whole)).T) >= MIN_CYCLES
    keep = np.nonzero(half & far)[0]
    keep = keep[np.argsort(power[rows[keep], cols[keep]])[::-1][:CANDIDATES]]
    return np.asarray(q[keep])


def peak_powers(spectrum: Spectrum, q: FloatArray) -> FloatArray:
    """Largest power within 3 % or one bin of each frequency of (n, 2), (n,)."""
    return np.array([local_peak(spectrum, one)[1] for one in q])


def local_peak(spectrum: Spectrum, q: FloatArray) -> tuple[tuple[int, int], float]:
    """Bin and power of the largest value around one frequency."""
    row, col = spectrum.bins(q[None, :])[0]
    reach = max(1, round(0.03 * float(np.hypot(*(q * np.array(spectrum.whole))))))
    r0, c0 = max(1, round(row) - reach), max(1, round(col) - reach)
    patch = spectrum.power[r0 : round(row) + reach + 1, c0 : round(col) + reach + 1]
    if patch.size == 0:
        return (0, 0), 0.0
    i, j = np.unravel_index(int(np.argmax(patch)), patch.shape)
    return (r0 + int(i), c0 + int(j)), float(patch[i, j])


def best_basis(spectrum: Spectrum, peaks: FloatArray) -> FloatArray | None:
    """Pair of reflections 60° apart whose whole hexagon is there, (2, 2) rows of q."""
    best, best_score = None, 0.0
    for b1, b2 in basis_candidates(peaks):
        basis = np.stack([b1, b2])
        score = hexagon_score(spectrum, basis)
        if score > best_score:
            best, best_score = basis, score
    return best


def basis_candidates(peaks: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
    """Pairs of peaks (or their Friedel mates) of like length, 60° apart."""
    signed = np.concatenate([peaks, -peaks])
    lengths = np.hypot(*signed.T)
    angles = np.arctan2(signed[:, 0], signed[:, 1])
    pairs = []
    for i in range(len(peaks)):
        turn = np.mod(angles - angles[i], 2 * np.pi)
        alike = np.abs(lengths / lengths[i] - 1) < LENGTH_TOLERANCE
        near = np.abs(turn - np.pi / 3) < ANGLE_TOLERANCE_RAD
        pairs += [(signed[i], signed[j]) for j in np.nonzero(alike & near)[0]]
    return pairs


def hexagon_score(spectrum: Spectrum, basis: FloatArray) -> float:
    """Log power of both orders, 0 where either order is not recognised."""
    first = np.sort(peak_powers(spectrum, FIRST @ basis))
    second = np.sort(peak_powers(spectrum, SECOND @ basis))
    if first[0] < SECOND_POWER or first[1] < FIRST_POWER or second[1] < SECOND_POWER:
        return 0.0
    score = float(np.log(first).sum() + np.log(np.maximum(second, 1.0)).sum())
    return score if score >= HEXAGON_SCORE else 0.0


def refine_basis(spectrum: Spectrum, basis: FloatArray) -> tuple[FloatArray, float] | None:
    """Least-squares basis through the sub-bin positions of the reflections.

    Returns:
        (2, 2) basis in cycles per pixel and the standard error of its relative size; None where
        the third-order coincidences leave too few reflections.
    """
    indices, found, weights = [], [], []
    for hk in np.concatenate([FIRST, SECOND]):
        (row, col), power = local_peak(spectrum, hk @ basis)
        if power >= SECOND_POWER:
            indices.append(hk)
            found.append(sub_bin(spectrum, row, col))
            weights.append(np.sqrt(min(power, 200.0)))
    if len(indices) < 4:
        return None
    w = np.array(weights)[:, None]
    a, q = np.array(indices, dtype=np.float64), np.array(found)
    solution, *_ = np.linalg.lstsq(a * w, q * w, rcond=None)
    residual = (a @ solution - q) * w / w.mean()
    dof = 2 * len(a) - 4
    spread = float(np.sqrt((residual**2).sum() / dof))
    length = float(np.sqrt(abs(np.linalg.det(solution)) * 2 / np.sqrt(3)))
    return solution, spread / length / float(np.sqrt(len(a)))


def sub_bin(spectrum: Spectrum, row: int, col: int) -> FloatArray:
    """Centre of a spectral peak by parabolas through the logarithm, cycles per pixel."""
    row = min(max(row, 1), spectrum.power.shape[0] - 2)
    col = min(max(col, 1), spectrum.power.shape[1] - 2)
    log = np.log(spectrum.power[row - 1 : row + 2, col - 1 : col + 2] + 1e-12)
    shift = [vertex(log[:, 1]), vertex(log[1, :])]
    position = np.array([row, col]) + np.array(shift)
    return spectrum.frequencies(position)


def vertex(values: FloatArray) -> float:
    """Vertex of the parabola through three equidistant values, within half a step."""
    curvature = values[0] - 2 * values[1] + values[2]
    if curvature >= 0:
        return 0.0
    return float(np.clip(0.5 * (values[0] - values[2]) / curvature, -0.5, 0.5))


def describe(basis: FloatArray, relative_error: float, contrast: float) -> LatticeScale:
    """Pixel size, its error and the distortion from a reciprocal basis in cycles per pixel."""
    ideal = np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]])
    stretch = np.linalg.solve(ideal, basis)
    larger, smaller = np.linalg.svd(stretch, compute_uv=False)
    length = float(np.sqrt(larger * smaller))
    pixel = GRAPHENE_LATTICE_A * np.sqrt(3) / 2 * length
    sigma = float(pixel * np.hypot(relative_error, RELATIVE_FLOOR))
    return LatticeScale(float(pixel), sigma, float((larger - smaller) / (2 * length)), contrast)
