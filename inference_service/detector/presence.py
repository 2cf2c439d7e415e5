"""How probable it is that an atom is there: what the network says, and how bright the fit finds it.

Both have seen the same photons, so the brightness adds less than its likelihood ratio says, and
the less the fainter the frame: below ten counts per atom neighbours trade brightness in the fit.
At high dose it decides: a dark place holds no atom, whatever the lattice around it suggests.
"""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

__all__ = ["PRECISIONS", "PresenceCalibration", "doubted", "present", "trust_in_brightness"]

FloatArray = NDArray[np.float64]

PRECISIONS: Final = (0.05, 0.12, 0.3)
"""Relative standard errors of a brightness for which its weight is stated; in between the weight
is interpolated over the logarithm, beyond them it stays."""
LEAST: Final = 1e-6

Weight = Annotated[float, Field(ge=0)]


class PresenceCalibration(BaseModel):
    """How raw probabilities become honest ones; the defaults leave the network's as they are."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Divides the logit of the ensemble's mean probability."""
    bias: float = 0.0
    """Added to that logit."""
    brightness: tuple[Weight, Weight, Weight] = (0.9, 0.6, 0.3)
    """Share of the brightness's evidence that counts, at each of `PRECISIONS`."""


def trust_in_brightness(precision: FloatArray) -> FloatArray:
    """(n, 3) how far each of `PRECISIONS` speaks for a brightness; rows sum to 1.

    Args:
        precision: (n,) relative standard errors of the brightness.
    """
    nodes = np.log(PRECISIONS)
    place = np.log(np.maximum(precision, LEAST))
    return np.column_stack([np.interp(place, nodes, row) for row in np.eye(len(nodes))])


def doubted(p: FloatArray, doubt: float) -> FloatArray:
    """Lower the odds of all probabilities by e to the power of a doubt, (n,)."""
    if doubt == 0.0:
        return p
    clipped = np.clip(p, LEAST, 1.0 - LEAST)
    return np.asarray(1.0 / (1.0 + np.exp(doubt) * (1.0 - clipped) / clipped))


def present(
    p: FloatArray, evidence: FloatArray, precision: FloatArray, calibration: PresenceCalibration
) -> FloatArray:
    """Probability that an atom is there, (n,).

    Args:
        p: (n,) the ensemble's mean probability.
        evidence: (n,) log likelihood ratio of the brightness; 0 where nothing was fitted.
        precision: (n,) relative standard error of the brightness.
        calibration: The ensemble's own.
    """
    clipped = np.clip(p, LEAST, 1.0 - LEAST)
    logit = np.log(clipped / (1.0 - clipped)) / calibration.temperature + calibration.bias
    weight = trust_in_brightness(precision) @ np.array(calibration.brightness)
    return np.asarray(1.0 / (1.0 + np.exp(-(logit + weight * evidence))))
