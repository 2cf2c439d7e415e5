"""Bring an image of unknown gain, offset and unit to the scale the network was trained on.

Serving and training call the same function, so the two can never drift apart. It refuses
minimum-maximum scaling: one hot pixel or one heavy atom would rescale the whole frame.
"""

import numpy as np
import numpy.typing as npt

__all__ = ["CANONICAL_PIXEL_A", "normalise"]

CANONICAL_PIXEL_A = 0.208
"""Sampling [Å per pixel] at which the network sees every image. A 60 kV probe of 31 mrad carries
nothing beyond 1.3 cycles per Å, for which 0.39 Å would do (Nyquist)."""

_BLOCK_PX = 2
"""Edge of the averaging block [px]: 0.42 Å, narrower than an atom, half the noise of a pixel."""

_LOW, _HIGH = 10.0, 80.0
"""Percentiles that set the scale; the brightest fifth of the area never takes part."""

_KNEE = 2.0
"""Linear below this many scale units, logarithmic above: heavy atoms stay in range."""

_TINY = 1e-12


def normalise(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Centre, scale and compress an image.

    The result does not depend on gain and offset: ``normalise(a * image + b)`` equals
    ``normalise(image)`` for every positive ``a``. Centre and scale are percentiles of the
    2 x 2 block means; values are then compressed by ``2 asinh(v / 2)``.

    Args:
        image: finite intensities in any unit, shape (H, W) at ``CANONICAL_PIXEL_A``.

    Returns:
        Dimensionless image of the same shape; all zeros where the input is constant.
    """
    source = np.asarray(image, dtype=np.float32)
    blocks = _block_means(source)
    low, centre, high = np.percentile(blocks, (_LOW, 50.0, _HIGH))
    scale = float(high - low)
    if scale <= _TINY + 1e-6 * abs(float(centre)):
        scale = float(blocks.max() - blocks.min()) or 1.0
    values = (source - np.float32(centre)) * np.float32(1.0 / (_KNEE * scale))
    np.arcsinh(values, out=values)
    values *= np.float32(_KNEE)
    return values


def _block_means(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Average whole 2 x 2 blocks; an image smaller than one block is its own sample."""
    rows, columns = (n // _BLOCK_PX for n in image.shape)
    if rows == 0 or columns == 0:
        return image.astype(np.float64)
    trimmed = image[: rows * _BLOCK_PX, : columns * _BLOCK_PX]
    shaped = trimmed.reshape(rows, _BLOCK_PX, columns, _BLOCK_PX)
    means: npt.NDArray[np.float64] = shaped.mean(axis=(1, 3), dtype=np.float64)
    return means
