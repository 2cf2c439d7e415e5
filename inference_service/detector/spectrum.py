"""The power spectrum of a frame and how surely each bin of it is more than noise.

The frame is levelled first: its local mean is taken off and its local contrast brought to one, so
that neither dirt nor a hole nor a heavy atom speaks louder than the lattice. Noise power is
exponentially distributed; a reflection smeared over several bins by scan distortion or disorder
is recognised by the mean over a box of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

__all__ = ["Spectrum", "measure_spectrum"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

MAX_SIDE_PX: Final = 1024
"""Larger frames are measured on their central square of this side: enough for 0.1 %."""
BINNED_FROM_PX: Final = 640
"""Longer sides are binned by two: graphene's second order stays below 0.5 cycles per pixel up to
0.3 Å per pixel, and the work is four times less."""
HIGHEST_FREQUENCY: Final = 0.36
"""Cycles per pixel looked at."""
WINDOWS: Final = 6
"""Windows across the shorter side in which mean and contrast are levelled."""
CLIP: Final = 3.0
"""Brightest and darkest that a pixel counts, in local standard deviations."""
QUIET_OFFSET: Final = 0.978 - 0.577
"""Between the mean logarithm of all noise and that of its quieter part."""
BOXES: Final = ((3, 3.47), (5, 8.2))
"""Widths of the boxes averaged over, bins, and how many independent bins of Hann-windowed noise
each holds: neighbours correlate by 4/9 and next neighbours by 1/36 along either axis."""


@dataclass(frozen=True)
class Spectrum:
    """The middle of a power spectrum; both maps have zero frequency at `shape // 2`."""

    power: FloatArray
    """(rows, columns), in units of the local noise: noise has mean 1."""
    significance: FloatArray
    """(rows, columns), log likelihood ratio of a reflection over noise, 0 and up."""
    whole: tuple[int, int]
    """Rows and columns of the image it was taken from, px of the image handed in."""

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


def measure_spectrum(image: FloatImage) -> Spectrum:
    """Measure the spectrum of a frame.

    Args:
        image: (rows, columns), finite.
    """
    square = central_square(np.asarray(image, dtype=np.float32))
    factor = 2 if min(square.shape) >= BINNED_FROM_PX else 1
    small = levelled(binned(square, factor))
    window = np.outer(*(np.hanning(n + 2)[1:-1] for n in small.shape)).astype(np.float32)
    power = low_frequencies(np.abs(fft.rfft2(small * window)) ** 2, small.shape)
    rows, cols = power.shape
    fy = (np.arange(rows) - rows // 2) / small.shape[0]
    fx = (np.arange(cols) - cols // 2) / small.shape[1]
    annulus = np.rint(np.hypot(fy[:, None], fx[None, :]) * min(small.shape)).astype(np.intp)
    power /= np.maximum(annulus_noise(power, annulus)[annulus], 1e-300)
    whole = (small.shape[0] * factor, small.shape[1] * factor)
    return Spectrum(power, significance(power), whole)


def central_square(image: FloatImage) -> FloatImage:
    """Return at most the central `MAX_SIDE_PX` of either axis."""
    rows, cols = (min(n, MAX_SIDE_PX) for n in image.shape)
    top, left = (image.shape[0] - rows) // 2, (image.shape[1] - cols) // 2
    return image[top : top + rows, left : left + cols]


def binned(image: FloatImage, factor: int) -> FloatImage:
    """Sum whole blocks of `factor` by `factor`."""
    if factor == 1:
        return image
    rows, cols = (n // factor for n in image.shape)
    part = image[: rows * factor, : cols * factor]
    return sum_of([part[i::factor, j::factor] for i in range(factor) for j in range(factor)])


def sum_of(images: list[FloatImage]) -> FloatImage:
    """Add images of one shape."""
    total = images[0].copy()
    for image in images[1:]:
        total += image
    return total


def levelled(image: FloatImage) -> FloatImage:
    """Take off the local mean, divide by the local contrast, clip what still stands out."""
    width = max(5, min(image.shape) // WINDOWS)
    flat = image - np.float32(np.mean(image))
    flat = flat - ndimage.uniform_filter(flat, width, mode="nearest")
    variance = ndimage.uniform_filter(flat * flat, width, mode="nearest")
    least = np.float32(0.05 * float(np.mean(variance)) + 1e-30)
    flat /= np.sqrt(np.maximum(variance, least))
    return np.asarray(np.clip(flat, -CLIP, CLIP))


def low_frequencies(half: NDArray[np.floating], shape: tuple[int, ...]) -> FloatArray:
    """Both halves of the plane below `HIGHEST_FREQUENCY`, zero frequency in the middle."""
    up, right = (int(HIGHEST_FREQUENCY * n) for n in shape)
    quarter = np.concatenate([half[-up:, : right + 1], half[: up + 1, : right + 1]])
    mirrored = quarter[::-1, :0:-1]
    return np.concatenate([mirrored, quarter], axis=1).astype(np.float64) + 1e-30


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


def significance(power: FloatArray) -> FloatArray:
    """Best log likelihood ratio, over boxes of several widths, of more than noise.

    For n independent exponential powers of mean m it is n (m - 1 - ln m), where m > 1.
    """
    best = ratio(power)
    for width, independent in BOXES:
        mean = ndimage.uniform_filter(power, width, mode="constant")
        best = np.maximum(best, independent * ratio(mean))
    return best


def ratio(mean: FloatArray) -> FloatArray:
    """Log likelihood ratio of one exponential mean against 1."""
    above = np.maximum(mean, 1.0)
    return np.asarray(above - 1.0 - np.log(above))
