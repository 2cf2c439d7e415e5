"""Irregular regions of a field: holes, patches of amorphous carbon, patches of a second layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

__all__ = ["Blob", "amorphous", "random_blob"]

_HARMONICS = 6
_CLOSEST_A = 1.25


@dataclass(frozen=True)
class Blob:
    """A star-shaped region with a wavy rim.

    Attributes:
        centre_A: (2,) x and y.
        radius_A: mean radius.
        waves: (harmonics, 2) cosine and sine amplitudes, relative to the radius.
    """

    centre_A: NDArray[np.float64]
    radius_A: float
    waves: NDArray[np.float64]

    def inside(self, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which of (n, 2) points [Å] lie in the region."""
        delta = xy - self.centre_A
        angle = np.arctan2(delta[:, 1], delta[:, 0])
        rim = np.ones(len(xy))
        for order, (cosine, sine) in enumerate(self.waves, start=1):
            rim += cosine * np.cos(order * angle) + sine * np.sin(order * angle)
        return np.hypot(delta[:, 0], delta[:, 1]) < self.radius_A * np.maximum(rim, 0.1)


def random_blob(rng: Generator, size_A: float, radius_A: float) -> Blob:
    """Draw a region somewhere in a square field of edge ``size_A``."""
    decay = 1.0 / np.arange(1, _HARMONICS + 1)
    waves = rng.normal(0, 0.18, (_HARMONICS, 2)) * decay[:, None]
    return Blob(rng.uniform(0, size_A, 2), float(radius_A), waves)


def amorphous(rng: Generator, blob: Blob, layer_count: int) -> NDArray[np.float64]:
    """Fill a region with random layers of carbon, hard cores within each layer.

    Args:
        rng: source of chance.
        blob: the region.
        layer_count: how many layers lie over each other.

    Returns:
        (n, 2) positions [Å].
    """
    reach = 2.0 * blob.radius_A
    layers = []
    for _ in range(layer_count):
        density = rng.uniform(0.15, 0.35)
        count = rng.poisson(density * (2 * reach) ** 2)
        xy = blob.centre_A + rng.uniform(-reach, reach, (count, 2))
        layers.append(_apart(xy[blob.inside(xy)]))
    return np.vstack(layers)


def _apart(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep at most one point in each square of the closest approach."""
    if len(xy) == 0:
        return xy
    squares = np.floor(xy / _CLOSEST_A).astype(np.int64)
    _, first = np.unique(squares, axis=0, return_index=True)
    return xy[first]
