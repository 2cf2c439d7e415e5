"""A Gaussian mixture over one number per atom: its intensity, as the first labelling uses it.

Expectation and maximisation as in any textbook (Dempster, Laird and Rubin 1977), one dimension,
each component with a width of its own. Two things differ from a call of scikit-learn's:

* Silicon is one atom in a hundred, so where the search starts decides what it finds. It starts
  from several cuts of the sorted values and the most likely end is kept; nothing is random.
* A wide component can be the likelier one on both sides of a narrow one. A value below the mean of
  the faintest component belongs to it all the same: nothing is silicon for being too dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Mixture", "evidence", "fit_mixture", "separation"]

FloatArray = NDArray[np.float64]

CUTS: Final = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
"""Where a search may start, as fractions of the range between the 1st and the 99.9th percentile."""
STEPS: Final = 100
SETTLED: Final = 1e-6
"""Gain of the mean log-likelihood below which a search ends."""
NARROWEST: Final = 0.5
"""Least width of a component over that of the commonest: a brighter atom has no less noise, and
without a limit a component shrinks onto two atoms that happen to be alike."""
TINY: Final = 1e-12


@dataclass(frozen=True)
class Mixture:
    """Components in ascending order of their means."""

    weights: FloatArray
    """(k,) shares, summing to 1."""
    means: FloatArray
    """(k,)"""
    sigmas: FloatArray
    """(k,)"""
    log_likelihood: float
    """Mean over the values it was fitted to."""

    def posterior(self, values: FloatArray) -> FloatArray:
        """Return (n, k) probabilities of the components."""
        joint = self.log_joint(values)
        raised = np.exp(joint - joint.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    def classify(self, values: FloatArray) -> NDArray[np.intp]:
        """Return the number of the likeliest component, never one beyond a value's own side."""
        likeliest = np.argmax(self.posterior(values), axis=1)
        lowest = np.searchsorted(self.means, values, side="right") - 1
        return np.asarray(np.clip(likeliest, np.maximum(lowest, 0), lowest + 1), dtype=np.intp)

    def log_joint(self, values: FloatArray) -> FloatArray:
        """Return (n, k) logarithms of weight times density."""
        z = (values[:, None] - self.means) / self.sigmas
        scale = np.log(self.weights) - np.log(self.sigmas) - 0.5 * np.log(2 * np.pi)
        return np.asarray(scale - 0.5 * z**2)


def fit_mixture(values: FloatArray, components: int) -> Mixture:
    """Fit a mixture; the same values give the same mixture.

    Args:
        values: (n,) finite.
        components: How many, at least 1 and fewer than values.
    """
    low, high = np.percentile(values, (1.0, 99.9))
    starts = combinations([low + cut * (high - low) for cut in CUTS], components - 1)
    ends = [climbed(values, started(values, cuts)) for cuts in starts]
    return max(ends, key=lambda end: end.log_likelihood)


def separation(mixture: Mixture) -> float:
    """Return Ashman's D of the two closest components; above 2 they are told apart.

    References:
        Ashman, Bird and Zepf, Astron. J. 108, 2348 (1994), doi:10.1086/117248.
    """
    pairs = pairwise(zip(mixture.means, mixture.sigmas, strict=True))
    return min(
        (np.sqrt(2.0) * abs(m1 - m0) / np.hypot(s0, s1) for (m0, s0), (m1, s1) in pairs),
        default=np.inf,
    )


def evidence(values: FloatArray, more: Mixture, fewer: Mixture) -> float:
    """Return by how much the likelier mixture outweighs its further components.

    Half the difference of the two Bayesian information criteria; positive where the components
    of `more` are worth their three numbers each.
    """
    n, extra = len(values), 3 * (len(more.means) - len(fewer.means))
    return n * (more.log_likelihood - fewer.log_likelihood) - 0.5 * extra * float(np.log(n))


def started(values: FloatArray, cuts: tuple[float, ...]) -> Mixture:
    """Describe the groups between the cuts."""
    group = np.searchsorted(np.array(cuts), values)
    share = np.eye(len(cuts) + 1)[group] + 1e-6
    return described(values, share)


def described(values: FloatArray, share: FloatArray) -> Mixture:
    """Return the mixture whose components hold these shares (n, k) of the values."""
    total = share.sum(axis=0)
    means = share.T @ values / total
    variance = (share * (values[:, None] - means) ** 2).sum(axis=0) / total
    floor = NARROWEST * np.sqrt(variance[np.argmax(total)]) + TINY
    sigmas = np.maximum(np.sqrt(variance), floor)
    order = np.argsort(means, kind="stable")
    found = Mixture((total / total.sum())[order], means[order], sigmas[order], 0.0)
    joint = found.log_joint(values)
    top = joint.max(axis=1)
    likelihood = float(np.mean(top + np.log(np.exp(joint - top[:, None]).sum(axis=1))))
    return Mixture(found.weights, found.means, found.sigmas, likelihood)


def climbed(values: FloatArray, mixture: Mixture) -> Mixture:
    """Repeat expectation and maximisation until the likelihood settles."""
    for _ in range(STEPS):
        better = described(values, mixture.posterior(values))
        if better.log_likelihood - mixture.log_likelihood < SETTLED:
            return better
        mixture = better
    return mixture
