"""Measure the size of a pixel from graphene's own reflections in the image's power spectrum.

Graphene shows six first-order reflections (2.13 Å) and six second-order ones (1.23 Å) turned by
30°. The isotropic part of the hexagon is the pixel size; the rest is distortion or strain and is
reported beside it. Two orders are proof enough to overrule a header. A wide probe at a low dose
shows the first order alone: enough to work with where nobody states a size, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference_service.detector.spectrum import Spectrum, measure_spectrum
from shared.units import GRAPHENE_LATTICE_A

__all__ = ["LatticeScale", "measure_lattice"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

HEXAGON: Final = np.array([(1, 0), (0, 1), (-1, 1), (1, 1), (-1, 2), (2, -1)])
"""Reflections of a 60° basis, one of each Friedel pair: three of the first, three of the second
order."""
RINGS: Final = np.sqrt(np.array([1.0, 3.0, 4.0, 7.0, 9.0]))
"""Radii of the reflections of a hexagonal lattice over that of the first order."""
RING_WIDTH: Final = 0.08
"""Relative distance from a ring within which distortion may move a reflection."""

PEAK: Final = 5.0
"""Significance of a bin from which it may be a reflection."""
SURE: Final = 10.0
"""Significance that no bin of noise reaches, of some 100,000."""
PEAKS: Final = 60
"""Strongest spectral peaks looked at."""
SEEDS: Final = 24
"""Strongest of them that may start a hexagon."""
TRIALS: Final = 8
"""Hexagons looked at closely."""
MIN_CYCLES: Final = 5.0
"""Fewest lattice rows across the frame; below that the reflections overlap."""
WIDE_REACH: Final = 0.06
"""Relative distance at which a reflection is sought at first: scan distortion reaches 5 %."""
CLOSE_REACH: Final = 0.02
"""The same once the hexagon is fitted."""
MOST: Final = 25.0
"""Significance that one reflection contributes at most: no single one makes a lattice."""
CLEAR: Final = 3.0
"""Significance, beyond what the best of so many bins of noise has, of a true reflection."""
EVIDENT: Final = 7.0
"""Least sum of three for a faint first order within a strong second: 10 and 13 on real frames that
need it, at most 4.6 on simulated ones that do not."""
FIRST_SUM: Final = 14.0
"""Least sum over the first order."""
SECOND_SUM: Final = 6.0
"""Least sum over the second order."""
ALONE_SUM: Final = 24.0
"""Least sum over the first order where the second is not seen."""
EXPLAINED: Final = 0.6
"""Least share of the significance of all peaks that lies on the rings of the lattice."""
WITHIN: Final = (0.45, 0.85)
"""Radii, over the first order's, at which graphene has no reflection; dirt is still nearer 0."""
INNER: Final = 0.5
"""Most significance there over that of the first order."""
PIXEL_RANGE_A: Final = (0.02, 0.4)
"""Sizes that are believed, Å."""
MAX_DISTORTION: Final = 0.07
"""Largest distortion that is still called graphene; real frames reached 0.032."""
MAX_RELATIVE_SIGMA: Final = 0.03
RELATIVE_FLOOR: Final = 0.002
"""Systematic floor of the relative uncertainty: the lattice constant under mild strain."""
PLACE_ERROR: Final = 0.1
"""Error of a reflection's place that its neighbours share, bins: on frames of 9 to 19 lattice rows
the size then errs by 0.4 to 1.1 of what is stated."""


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
    """Mean significance of the first order."""
    orders: int = 2
    """2 where both orders are recognised, 1 where only the first is."""


@dataclass(frozen=True)
class Hexagon:
    """Reflections found around a predicted hexagon; arrays follow `HEXAGON`."""

    q: FloatArray
    """(6, 2) row, column in cycles per pixel."""
    score: FloatArray
    """(6,) significance beyond the best of noise, 0 to `MOST`."""

    @property
    def first(self) -> float:
        """Sum over the first order, 0 unless two of three are clear."""
        return total(self.score[:3])

    @property
    def second(self) -> float:
        """The same of the second order."""
        return total(self.score[3:])

    @property
    def total(self) -> float:
        """Over both orders."""
        return self.first + self.second


def total(scores: FloatArray) -> float:
    """Sum of an order's scores, 0 unless at least two reflections are clear."""
    return float(scores.sum()) if np.sort(scores)[1] >= CLEAR else 0.0


def measure_lattice(image: FloatImage) -> LatticeScale | None:
    """Recognise graphene and measure the pixel size by it.

    Args:
        image: (rows, columns), finite.

    Returns:
        The scale, or None where not even the first order is recognised.
    """
    spectrum = measure_spectrum(image)
    peaks = strongest_peaks(spectrum)
    rough = [search(spectrum, basis, WIDE_REACH) for basis in proposals(spectrum, peaks)]
    for hexagon in sorted(rough, key=lambda one: -one.total):
        found = confirmed(spectrum, hexagon)
        if found is not None and explained(spectrum, peaks, found.pixel_size_A):
            return found
    return None


def confirmed(spectrum: Spectrum, rough: Hexagon) -> LatticeScale | None:
    """Fit the hexagon, look again close to the fit, and judge what is there."""
    fitted = fit_basis(rough)
    if fitted is None:
        return None
    hexagon = search(spectrum, fitted[0], CLOSE_REACH)
    refined = fit_basis(hexagon)
    if refined is None:
        return None
    orders = orders_of(hexagon)
    if orders == 1:
        coarse = search(spectrum, turned(refined[0], 30.0) / np.sqrt(3.0), CLOSE_REACH)
        if coarse.score[:3].sum() >= EVIDENT:
            hexagon, refined = coarse, fit_basis(coarse)
    if orders == 0 or refined is None:
        return None
    basis, error = refined
    rows = float(np.hypot(*basis[0])) * min(spectrum.whole)
    error = float(np.hypot(error, PLACE_ERROR / rows))
    found = describe(basis, error, float(hexagon.score[:3].mean()), orders)
    return found if credible(found) else None


def orders_of(hexagon: Hexagon) -> int:
    """Orders that are recognised.

    One that is recognised alone may still be the second order of a lattice whose first is faint.
    """
    if hexagon.first >= FIRST_SUM and hexagon.second >= SECOND_SUM:
        return 2
    alone = hexagon.first >= ALONE_SUM and hexagon.score[:3].min() >= CLEAR
    return 1 if alone else 0


def credible(found: LatticeScale) -> bool:
    """Whether the hexagon is regular, well determined and of a size that microscopes use."""
    return (
        PIXEL_RANGE_A[0] < found.pixel_size_A < PIXEL_RANGE_A[1]
        and found.distortion < MAX_DISTORTION
        and found.sigma_A < MAX_RELATIVE_SIGMA * found.pixel_size_A
    )


def strongest_peaks(spectrum: Spectrum) -> FloatArray:
    """Strongest local maxima of one half plane, (n, 2) row, column in cycles per pixel."""
    strength = spectrum.significance
    top = (strength > PEAK) & (ndimage.maximum_filter(strength, size=5) == strength)
    rows, cols = np.nonzero(top)
    q = spectrum.frequencies(np.stack([rows, cols], axis=1).astype(np.float64))
    half = (q[:, 0] > 0) | ((q[:, 0] == 0) & (q[:, 1] > 0))
    far = np.hypot(*(q * min(spectrum.whole)).T) >= MIN_CYCLES
    keep = np.nonzero(half & far)[0]
    keep = keep[np.argsort(strength[rows[keep], cols[keep]])[::-1][:PEAKS]]
    return np.asarray(q[keep])


def proposals(spectrum: Spectrum, peaks: FloatArray) -> list[FloatArray]:
    """Bases of the hexagons that explain most of the peaks, each the first or second order of one.

    Args:
        spectrum: Gives the peaks their significance.
        peaks: (n, 2) in cycles per pixel.
    """
    seeds = peaks[:SEEDS]
    vectors = np.concatenate([seeds, turned(seeds, 30.0) / np.sqrt(3.0)])
    bases = np.stack([vectors, turned(vectors, 60.0)], axis=1)
    predicted = np.einsum("hk,nkd->nhd", HEXAGON.astype(np.float64), bases)
    both = np.concatenate([peaks, -peaks])
    strength = np.tile(np.minimum(strengths(spectrum, peaks), MOST), 2)
    away = np.linalg.norm(predicted[:, :, None, :] - both, axis=3)
    limit = WIDE_REACH * np.linalg.norm(predicted, axis=2) + 1.0 / min(spectrum.whole)
    score = np.where(away < limit[:, :, None], strength, 0.0).max(axis=2, initial=0.0).sum(axis=1)
    return [bases[k] for k in np.argsort(-score, kind="stable")[:TRIALS]]


def strengths(spectrum: Spectrum, q: FloatArray) -> FloatArray:
    """Significance at (n, 2) frequencies, (n,)."""
    row, col = np.rint(spectrum.bins(q)).astype(int).T
    return np.asarray(spectrum.significance[row, col])


def turned(q: FloatArray, degrees: float) -> FloatArray:
    """Turn (n, 2) vectors."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.asarray(q @ np.array([[c, s], [-s, c]]))


def search(spectrum: Spectrum, basis: FloatArray, reach: float) -> Hexagon:
    """Find the reflections near those of a basis."""
    found, scores = [], []
    for q in HEXAGON @ basis:
        where, score = nearby(spectrum, q, reach)
        found.append(where)
        scores.append(score)
    return Hexagon(np.array(found), np.array(scores))


def nearby(spectrum: Spectrum, q: FloatArray, reach: float) -> tuple[FloatArray, float]:
    """Position and score of the most significant bin around one frequency."""
    row, col = np.rint(spectrum.bins(q[None, :])[0]).astype(int)
    k = max(1, round(reach * float(np.hypot(*(q * np.array(spectrum.whole))))))
    r0, c0 = max(0, row - k), max(0, col - k)
    patch = spectrum.significance[r0 : max(0, row + k + 1), c0 : max(0, col + k + 1)]
    if patch.size == 0:
        return q, 0.0
    i, j = np.unravel_index(int(np.argmax(patch)), patch.shape)
    score = float(patch[i, j]) - np.log(patch.size)
    return centroid(spectrum, r0 + int(i), c0 + int(j)), float(np.clip(score, 0.0, MOST))


def centroid(spectrum: Spectrum, row: int, col: int) -> FloatArray:
    """Centre of a spectral peak from the power beyond noise around it, cycles per pixel."""
    rows, cols = spectrum.power.shape
    i, j = np.clip(row, 2, rows - 3), np.clip(col, 2, cols - 3)
    patch = np.maximum(spectrum.power[i - 2 : i + 3, j - 2 : j + 3] - 2.0, 0.0)
    weight = float(patch.sum())
    if weight <= 0:
        return spectrum.frequencies(np.array([row, col], dtype=np.float64))
    steps = np.arange(-2, 3)
    shift = np.array([patch.sum(axis=1) @ steps, patch.sum(axis=0) @ steps]) / weight
    return spectrum.frequencies(np.array([i, j]) + shift)


def fit_basis(hexagon: Hexagon) -> tuple[FloatArray, float] | None:
    """Least-squares basis through the reflections that are clear.

    Returns:
        (2, 2) basis in cycles per pixel and the standard error of its relative size; None where
        fewer than three reflections are clear.
    """
    clear = hexagon.score >= CLEAR
    if clear.sum() < 3:
        return None
    w = np.sqrt(hexagon.score[clear])[:, None]
    a, q = HEXAGON[clear].astype(np.float64), hexagon.q[clear]
    solution, *_ = np.linalg.lstsq(a * w, q * w, rcond=None)
    residual = (a @ solution - q) * w / w.mean()
    spread = float(np.sqrt((residual**2).sum() / (2 * len(a) - 4)))
    length = float(np.sqrt(abs(np.linalg.det(solution)) * 2 / np.sqrt(3)))
    return np.asarray(solution), spread / max(length, 1e-9) / float(np.sqrt(len(a)))


def explained(spectrum: Spectrum, peaks: FloatArray, pixel_size_A: float) -> bool:
    """Whether the peaks lie on the rings of the lattice, and few of them within the first ring.

    Several grains share the rings; another crystal has reflections between or within them.
    """
    first = pixel_size_A / (GRAPHENE_LATTICE_A * np.sqrt(3) / 2)
    ratios = np.hypot(*peaks.T) / first
    away = np.abs(ratios[:, None] / RINGS - 1.0)
    excess = np.maximum(strengths(spectrum, peaks) - SURE, 0.0)
    within = (ratios > WITHIN[0]) & (ratios < WITHIN[1])
    if excess[within].sum() > INNER * excess[away[:, 0] < RING_WIDTH].sum():
        return False
    weight = np.minimum(excess, 2 * MOST)
    return bool(weight[away.min(axis=1) < RING_WIDTH].sum() >= EXPLAINED * weight.sum())


def describe(
    basis: FloatArray, relative_error: float, contrast: float, orders: int
) -> LatticeScale:
    """Pixel size, its error and the distortion from a reciprocal basis in cycles per pixel."""
    ideal = np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]])
    stretch = np.linalg.solve(ideal, basis)
    larger, smaller = np.linalg.svd(stretch, compute_uv=False)
    length = float(np.sqrt(larger * smaller))
    pixel = GRAPHENE_LATTICE_A * np.sqrt(3) / 2 * length
    sigma = float(pixel * np.hypot(relative_error, RELATIVE_FLOOR))
    distortion = float((larger - smaller) / (2 * length))
    return LatticeScale(float(pixel), sigma, distortion, contrast, orders)
