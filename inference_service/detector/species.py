"""Name the element of each atom from what the network sees and how bright the fit finds it.

HAADF intensity of a single atom grows as about Z^1.64 (Krivanek et al., doi:10.1038/nature08879)
to Z^2, so its ratio to carbon's is evidence that needs no training. Elements that neither the
network nor the ratio can place are `X`: an honest name, not a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.messages import UNKNOWN_ELEMENT

__all__ = ["Species", "name_atoms"]

FloatArray = NDArray[np.float64]

CONTRAST_EXPONENT: Final = 1.8
"""From 1.64 at the medium angles of that work to about 2 at high angles."""
EXPONENT_SCATTER: Final = 0.2
ELEMENTS: Final = np.array([5, 6, 7, 8, 14, UNKNOWN_ELEMENT])
"""Atomic numbers that can be named: B, C, N, O, Si, X."""
FAMILY: Final = np.array([0, 0, 0, 0, 1, 2])
"""The network's class of each: light, Si, brighter."""
SHARE: Final = np.array([0.0005, 0.998, 0.001, 0.0005, 1.0, 1.0])
"""How the network's class divides among its elements before brightness is looked at."""
MODEL_SCATTER: Final = 0.12
"""Relative scatter of the ratio beyond noise and exponent: focus, an uneven background."""
OUTLIERS: Final = 0.02
"""Share of atoms whose fitted brightness means nothing: overlaps, dirt, edges."""
UNKNOWN_RANGE: Final = 400.0
"""An unknown element's ratio lies anywhere over this factor, log-uniform."""
FLUCTUATION: Final = 0.25
"""Brightness, over carbon's, that an empty place may feign beyond photon noise."""
BLOB_MEAN: Final = 3.0
"""Mean brightness of dirt, over carbon's; exponentially distributed."""
MOST_EVIDENCE: Final = 4.0
"""The brightness moves the odds of an atom by at most e to this power."""
LEAST_NETWORK: Final = 2e-3
"""The network is never surer than this that a class is absent."""


@dataclass(frozen=True)
class Species:
    """What each atom is."""

    atomic_number: NDArray[np.uint8]
    """(n,) 0 = unknown."""
    probability: FloatArray
    """(n,) of that element, given that an atom is there."""
    evidence: FloatArray
    """(n,) log likelihood ratio of the brightness: an atom over none, bounded."""


def name_atoms(
    network: FloatArray,
    amplitude: FloatArray,
    sigma: FloatArray,
    dirt: FloatArray,
    sure: NDArray[np.bool_],
) -> Species:
    """Combine the network's classes with the fitted brightness.

    Args:
        network: (n, 3) probabilities of light, Si, brighter.
        amplitude: (n,) fitted brightness, any unit.
        sigma: (n,) its standard error; infinite where nothing was fitted.
        dirt: (n,) probability that it lies under amorphous matter.
        sure: (n,) atoms that are certainly there; they set what carbon looks like.
    """
    carbon = carbon_amplitude(network, amplitude, sure)
    ratio, error = amplitude / carbon, sigma / carbon
    prior = np.maximum(network, LEAST_NETWORK)[:, FAMILY] * SHARE
    prior /= prior.sum(axis=1, keepdims=True)
    posterior = prior * likelihood(ratio, error)
    total = posterior.sum(axis=1)
    best = np.argmax(posterior, axis=1)
    return Species(
        atomic_number=ELEMENTS[best].astype(np.uint8),
        probability=posterior[np.arange(len(best)), best] / total,
        evidence=evidence(total, ratio, error, dirt),
    )


def evidence(
    likelihood_atom: FloatArray, ratio: FloatArray, error: FloatArray, dirt: FloatArray
) -> FloatArray:
    """Weigh an atom against a fluctuation, or under dirt against a blob of any brightness."""
    width = np.hypot(error, FLUCTUATION)
    nothing = np.exp(-0.5 * (ratio / width) ** 2) / (np.sqrt(2 * np.pi) * width)
    blob = np.exp(-np.maximum(ratio, 0.0) / BLOB_MEAN) / BLOB_MEAN
    alternative = (1 - dirt) * nothing + dirt * blob
    logarithm = np.log(likelihood_atom + 1e-12) - np.log(alternative + 1e-12)
    return np.asarray(np.clip(logarithm, -MOST_EVIDENCE, MOST_EVIDENCE))


def carbon_amplitude(network: FloatArray, amplitude: FloatArray, sure: NDArray[np.bool_]) -> float:
    """Typical brightness of a carbon atom in this frame."""
    light = (network[:, 0] > 0.5) & sure
    chosen = amplitude[light] if light.any() else amplitude
    return max(float(np.median(chosen)), 1e-30)


def likelihood(ratio: FloatArray, error: FloatArray) -> FloatArray:
    """Density of each brightness ratio under each of `ELEMENTS`, (n, 6)."""
    logarithm = np.log(np.maximum(ELEMENTS, 1) / 6.0)
    expected = np.exp(CONTRAST_EXPONENT * logarithm)
    scatter = expected * np.hypot(MODEL_SCATTER, EXPONENT_SCATTER * logarithm)
    width = np.hypot(error[:, None], scatter)
    width = np.maximum(width, 1e-6)
    z = (ratio[:, None] - expected) / width
    density = np.exp(-0.5 * z**2) / (np.sqrt(2 * np.pi) * width)
    anywhere = 1.0 / (np.maximum(ratio, 0.1) * np.log(UNKNOWN_RANGE))
    density = (1 - OUTLIERS) * density + OUTLIERS * anywhere[:, None]
    density[:, -1] = anywhere
    return np.asarray(density)
