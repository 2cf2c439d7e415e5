"""Name the element of each atom from what the network sees and how bright the fit finds it.

HAADF intensity of a single atom grows as about Z^1.64 (Krivanek et al., doi:10.1038/nature08879),
so its ratio to carbon's is evidence that needs no training. Elements that neither the network nor
the ratio can place are `X`: an honest name, not a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.messages import UNKNOWN_ELEMENT

__all__ = ["Species", "name_atoms"]

FloatArray = NDArray[np.float64]

CONTRAST_EXPONENT: Final = 1.64
ELEMENTS: Final = np.array([5, 6, 7, 8, 14, UNKNOWN_ELEMENT])
"""Atomic numbers that can be named: B, C, N, O, Si, X."""
FAMILY: Final = np.array([0, 0, 0, 0, 1, 2])
"""The network's class of each: light, Si, brighter."""
SHARE: Final = np.array([0.0005, 0.998, 0.001, 0.0005, 1.0, 1.0])
"""How the network's class divides among its elements before brightness is looked at."""
MODEL_SCATTER: Final = np.array([0.08, 0.08, 0.08, 0.08, 0.14, 0.0])
"""Relative scatter of the ratio beyond noise: detector angles, focus, an uneven background."""
OUTLIERS: Final = 0.02
"""Share of atoms whose fitted brightness means nothing: overlaps, dirt, edges."""
UNKNOWN_RANGE: Final = 400.0
"""An unknown element's ratio lies anywhere over this factor, log-uniform."""
LEAST_NETWORK: Final = 2e-3
"""The network is never surer than this that a class is absent."""


@dataclass(frozen=True)
class Species:
    """What each atom is."""

    atomic_number: NDArray[np.uint8]
    """(n,) 0 = unknown."""
    probability: FloatArray
    """(n,) of that element, given that an atom is there."""
    ratio: FloatArray
    """(n,) brightness over the frame's typical carbon."""


def name_atoms(network: FloatArray, amplitude: FloatArray, sigma: FloatArray) -> Species:
    """Combine the network's classes with the fitted brightness.

    Args:
        network: (n, 3) probabilities of light, Si, brighter.
        amplitude: (n,) fitted brightness, any unit.
        sigma: (n,) its standard error.
    """
    carbon = carbon_amplitude(network, amplitude)
    ratio, error = amplitude / carbon, sigma / carbon
    prior = np.maximum(network, LEAST_NETWORK)[:, FAMILY] * SHARE
    posterior = prior * likelihood(ratio, error)
    posterior /= posterior.sum(axis=1, keepdims=True)
    best = np.argmax(posterior, axis=1)
    return Species(
        atomic_number=ELEMENTS[best].astype(np.uint8),
        probability=posterior[np.arange(len(best)), best],
        ratio=ratio,
    )


def carbon_amplitude(network: FloatArray, amplitude: FloatArray) -> float:
    """Typical brightness of a carbon atom in this frame."""
    light = network[:, 0] > 0.5
    chosen = amplitude[light] if light.any() else amplitude
    return max(float(np.median(chosen)), 1e-30)


def likelihood(ratio: FloatArray, error: FloatArray) -> FloatArray:
    """Density of each brightness ratio under each of `ELEMENTS`, (n, 6)."""
    expected = (np.maximum(ELEMENTS, 1) / 6.0) ** CONTRAST_EXPONENT
    width = np.sqrt(error[:, None] ** 2 + (MODEL_SCATTER * expected) ** 2)
    width = np.maximum(width, 1e-6)
    z = (ratio[:, None] - expected) / width
    density = np.exp(-0.5 * z**2) / (np.sqrt(2 * np.pi) * width)
    anywhere = 1.0 / (np.maximum(ratio, 0.1) * np.log(UNKNOWN_RANGE))
    density = (1 - OUTLIERS) * density + OUTLIERS * anywhere[:, None]
    density[:, -1] = anywhere
    return np.asarray(density)
