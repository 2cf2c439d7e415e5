"""Name the element of each atom from what the network sees and how bright the fit finds it.

Dark-field intensity of a single atom grows as about Z^1.4 to Z^2 with the detector's angles
(Krivanek et al., doi:10.1038/nature08879), so the ratio of silicon to carbon is a figure of the
frame, 2.5 to 7: it is measured from the silicon the frame holds, with that range as the prior.
Against silicon stand two carbon atoms over each other, which the network takes for one bright
atom, and elements beyond silicon, which it has never seen: those are `X`, an honest name and not a
guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from shared.messages import UNKNOWN_ELEMENT

__all__ = ["Species", "dirt_around", "name_atoms"]

FloatArray = NDArray[np.float64]

LIGHT: Final = np.array([5, 6, 7, 8])
"""Light elements that can be named: B, C, N, O."""
LIGHT_SHARE: Final = np.array([0.0005, 0.998, 0.001, 0.0005])
"""How the network's light class divides among them before brightness is looked at."""
LIGHT_EXPONENT: Final = 1.7
ELEMENTS: Final = np.array([*LIGHT, 14, UNKNOWN_ELEMENT])
"""Atomic numbers that can be named: B, C, N, O, Si, X."""

SILICON_RATIO: Final = 4.2
"""Silicon over carbon: 3.4-5.2 on multislice frames, 5-6.5 on real ones."""
SILICON_SPREAD: Final = 0.25
"""Standard deviation of its logarithm from frame to frame."""
SILICON_RANGE: Final = (2.6, 6.2)
STEPS: Final = 31
"""Ratios tried."""
SILICON_SCATTER: Final = 0.10
"""Scatter of the logarithm within a frame beyond photon noise: bonding, height, background."""
SPEAKS_FROM: Final = 0.5
"""Probability of a bright class from which an atom says something of the frame's ratio."""
SIGNIFICANT: Final = 4.0
"""Standard errors above carbon that it must be, too: the network errs with the photons."""

LIGHT_SCATTER: Final = 0.12
"""Relative scatter of light atoms beyond photon noise: focus, an uneven background."""
PILE_RATIO: Final = 2.0
PILE_SPREAD: Final = 0.5
"""Two or three carbon atoms over each other: median and standard deviation of the logarithm."""
PILED: Final = 0.05
"""Least share of light atoms whose brightness is that of a pile or means nothing."""
PILED_IN_DIRT: Final = 0.3
PILED_IF_BRIGHT: Final = 0.65
"""That share grows where there is dirt, and where a light atom looks bright to the network."""

HEAVIER: Final = (0.15, 0.5)
"""Logarithm of an unknown element's brightness over silicon's: none below the first, all beyond
the second: the next element that is commonly met, titanium, has 0.7."""
HEAVIEST: Final = 150.0
"""Ratio to carbon of the heaviest elements."""
STRANGE: Final = (0.15, 0.7)
"""Share of bright atoms that are unknown: at least the first, and of the network's own share the
second: it has seen few elements and calls the others silicon."""
SILICON_IN_DIRT: Final = 0.04
"""Share of what looks like silicon inside dirt that is silicon."""
LEAST_NETWORK: Final = 2e-3
"""The network is never surer than this that a class is absent."""
NETWORK_SHARE: Final = 0.8
"""Share of the network's log odds for a bright atom that counts: it has seen the same photons as
the fit, and errs with them."""
LOST: Final = 0.25
"""Relative error of a brightness whose position the fit gave up: near another atom, in dirt."""
UNFITTED: Final = 100.0
"""Relative error from which a brightness was not fitted at all."""
NONSENSE: Final = 0.01
"""Share of atoms of any element whose fitted brightness means nothing: overlaps, edges."""

FLUCTUATION: Final = 0.25
"""Brightness, over carbon's, that an empty place may feign beyond photon noise."""
BLOB_MEAN: Final = 3.0
"""Mean brightness of dirt, over carbon's; exponentially distributed."""
MOST_EVIDENCE: Final = 4.0
LEAST_EVIDENCE: Final = -12.0
"""The brightness raises the odds of an atom by at most e to the first power: dirt is bright, too.
It lowers them by as much as e to the second: at high dose a dark place holds no atom, whatever the
lattice around it suggests."""

SURROUNDINGS_A: Final = (1.2, 4.0)
"""Where neighbours are asked about dirt: bright atoms look like dirt to the network."""
DIRT_RANGE: Final = (0.06, 0.22)
"""Median probability of dirt around an atom: below the first it is clean, above the second it is
not. On simulated frames 0.16 is exceeded around one silicon atom in a hundred, and 0.23 around
three false ones in four."""


@dataclass(frozen=True)
class Species:
    """What each atom is."""

    atomic_number: NDArray[np.uint8]
    """(n,) 0 = unknown."""
    probability: FloatArray
    """(n,) of that element, given that an atom is there."""
    evidence: FloatArray
    """(n,) log likelihood ratio of the brightness: an atom over none, bounded."""
    carbon: float
    """Brightness of a carbon atom of this frame, image units."""


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
        dirt: (n,) how surely it lies under amorphous matter, as by `dirt_around`.
        sure: (n,) atoms that are certainly there; they set what carbon looks like.
    """
    carbon = carbon_amplitude(network, amplitude, sure)
    ratio = np.maximum(amplitude / carbon, 1e-3)
    error = sigma / carbon
    error = np.where(error < UNFITTED * ratio, np.minimum(error, LOST * ratio), error)
    prior = prior_of(network, dirt)
    piled = np.clip(PILED + PILED_IN_DIRT * dirt + PILED_IF_BRIGHT * (1 - network[:, 0]), 0.0, 0.95)
    light = light_density(ratio, error, piled)
    bright, heavier = bright_densities(ratio, error, prior, light, sure & (dirt < 0.5))
    density = np.column_stack([light, bright, heavier])
    anywhere = NONSENSE / (np.maximum(ratio, 0.1) * np.log(HEAVIEST / 0.1))
    posterior = prior * ((1 - NONSENSE) * density + anywhere[:, None])
    whole = posterior.sum(axis=1)
    best = np.argmax(posterior, axis=1)
    return Species(
        atomic_number=ELEMENTS[best].astype(np.uint8),
        probability=posterior[np.arange(len(best)), best] / whole,
        evidence=evidence(whole, ratio, error, dirt),
        carbon=carbon,
    )


def dirt_around(
    xy_A: FloatArray, contamination: FloatArray, light: NDArray[np.bool_]
) -> FloatArray:
    """How surely each atom lies under amorphous matter, from what its neighbours look like, (n,).

    Args:
        xy_A: (n, 2) positions.
        contamination: (n,) the network's probability of dirt at each.
        light: (n,) which are light to the network; bright ones look like dirt.
    """
    asked = np.flatnonzero(light)
    around = contamination.copy()
    if len(asked):
        tree = cKDTree(xy_A[asked])
        low, high = SURROUNDINGS_A
        for k in np.flatnonzero((contamination > DIRT_RANGE[0]) | ~light):
            near = asked[tree.query_ball_point(xy_A[k], high)]
            near = near[np.hypot(*(xy_A[near] - xy_A[k]).T) > low]
            if len(near):
                around[k] = np.median(contamination[near])
    return np.clip((around - DIRT_RANGE[0]) / (DIRT_RANGE[1] - DIRT_RANGE[0]), 0.0, 1.0)


def carbon_amplitude(network: FloatArray, amplitude: FloatArray, sure: NDArray[np.bool_]) -> float:
    """Typical brightness of a carbon atom in this frame."""
    light = (network[:, 0] > 0.5) & sure
    chosen = amplitude[light] if light.any() else amplitude
    return max(float(np.median(chosen)), 1e-30) if len(chosen) else 1.0


def prior_of(network: FloatArray, dirt: FloatArray) -> FloatArray:
    """Probability of each of `ELEMENTS` before the brightness is looked at, (n, 6)."""
    bright = np.clip(network[:, 1] + network[:, 2], LEAST_NETWORK, 1.0 - LEAST_NETWORK)
    strange = STRANGE[0] + STRANGE[1] * np.minimum(network[:, 2] / bright, 1.0)
    odds = (bright / (1.0 - bright)) ** NETWORK_SHARE
    bright = odds / (1.0 + odds)
    bright = bright * (1.0 - (1.0 - SILICON_IN_DIRT) * dirt)
    light = np.maximum(1.0 - bright, LEAST_NETWORK)
    prior = np.column_stack(
        [light[:, None] * LIGHT_SHARE, bright * (1.0 - strange), bright * strange]
    )
    return np.asarray(prior / prior.sum(axis=1, keepdims=True))


def light_density(ratio: FloatArray, error: FloatArray, piled: FloatArray) -> FloatArray:
    """Density of each ratio under each of the light elements, piles included, (n, 4)."""
    expected = (LIGHT / 6.0) ** LIGHT_EXPONENT
    single = gaussian(ratio[:, None] - expected, np.hypot(error[:, None], LIGHT_SCATTER * expected))
    spread = np.hypot(PILE_SPREAD, error / ratio)
    pile = gaussian(np.log(ratio / PILE_RATIO), spread) / ratio
    return np.asarray((1 - piled[:, None]) * single + (piled * pile)[:, None])


def bright_densities(
    ratio: FloatArray,
    error: FloatArray,
    prior: FloatArray,
    light: FloatArray,
    speaking: NDArray[np.bool_],
) -> tuple[FloatArray, FloatArray]:
    """Densities of each ratio under silicon and under anything heavier, (n,) each.

    Silicon's ratio is tried over its range; each value is weighed by how well it explains all
    atoms that look bright, as silicon, as heavier ones or as piles of carbon.

    Args:
        ratio: (n,) brightness over carbon's.
        error: (n,) its standard error.
        prior: (n, 6) of `prior_of`.
        light: (n, 4) of `light_density`.
        speaking: (n,) atoms that are certainly there and clean.
    """
    tried = np.log(np.geomspace(SILICON_RANGE[0], SILICON_RANGE[1], STEPS))
    logarithm = np.log(ratio)[:, None]
    width = np.hypot(SILICON_SCATTER, np.minimum(error / ratio, 3.0))[:, None]
    silicon = gaussian(logarithm - tried, width) / ratio[:, None]
    heavier = heavier_density(logarithm - tried, width, tried) / ratio[:, None]
    told = speaking & (prior[:, 4] + prior[:, 5] > SPEAKS_FROM)
    told &= ratio - 1.0 > SIGNIFICANT * np.hypot(error, LIGHT_SCATTER)
    mixture = (
        prior[told, 4, None] * silicon[told]
        + prior[told, 5, None] * heavier[told]
        + (prior[told, :4] * light[told]).sum(axis=1)[:, None]
    )
    support = np.log(mixture + 1e-12).sum(axis=0)
    support -= 0.5 * ((tried - np.log(SILICON_RATIO)) / SILICON_SPREAD) ** 2
    weight = np.exp(support - support.max())
    weight /= weight.sum()
    return silicon @ weight, heavier @ weight


def heavier_density(beyond: FloatArray, width: FloatArray, tried: FloatArray) -> FloatArray:
    """Density of logarithms that exceed silicon's by `beyond`, for elements heavier than it."""
    low, high = HEAVIER
    soft = np.hypot(width, (high - low) / 2.5)
    rise = 1.0 / (1.0 + np.exp(-np.clip(1.7 * (beyond - 0.5 * (low + high)) / soft, -40, 40)))
    return np.asarray(rise / (np.log(HEAVIEST) - tried - low))


def evidence(
    likelihood_atom: FloatArray, ratio: FloatArray, error: FloatArray, dirt: FloatArray
) -> FloatArray:
    """Weigh an atom against a fluctuation, or under dirt against a blob of any brightness."""
    nothing = gaussian(ratio, np.hypot(error, FLUCTUATION))
    blob = np.exp(-ratio / BLOB_MEAN) / BLOB_MEAN
    alternative = (1 - dirt) * nothing + dirt * blob
    logarithm = np.log(likelihood_atom + 1e-12) - np.log(alternative + 1e-12)
    return np.asarray(np.clip(logarithm, LEAST_EVIDENCE, MOST_EVIDENCE))


def gaussian(difference: FloatArray, width: FloatArray) -> FloatArray:
    """Normal density."""
    return np.asarray(np.exp(-0.5 * (difference / width) ** 2) / (np.sqrt(2 * np.pi) * width))
