"""What an atom's neighbours say of it: in a sheet, atoms keep company.

A network of few members goes on with the lattice one or two atoms beyond the rim of a hole, and
at low dose leaves a carbon on an ideal site beside a four-fold silicon. Both betray themselves:
such ghosts have fewer than three neighbours at a bond's length, or a surer rival nearer than any
bond. How much that counts is measured when the ensemble is calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.spatial import cKDTree

__all__ = ["Company", "CompanyCalibration", "company_of", "in_company"]

FloatArray = NDArray[np.float64]

BOND_A: Final = (1.05, 1.85)
"""Distances that are bonds of carbon, Å: C-C 1.42, C-Si up to 1.85."""
FULL: Final = 3.0
"""Neighbours of an atom inside a sheet."""
LEAST: Final = 1e-6


class CompanyCalibration(BaseModel):
    """How much the neighbours count; the defaults change nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    slope: Annotated[float, Field(gt=0)] = 1.0
    """Multiplies the logit of the probability without company."""
    shifts: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Added to it with 0, 1, 2 and 3 or more neighbours."""
    rival: float = 0.0
    """Added times the probability of a surer candidate nearer than a bond."""


@dataclass(frozen=True)
class Company:
    """The neighbours of every candidate."""

    neighbours: FloatArray
    """(n,) expected number at a bond's length, at most `FULL`."""
    rival: FloatArray
    """(n,) probability of the surest candidate nearer than a bond, 0 where none is surer."""
    asked: NDArray[np.bool_]
    """(n,) light atoms away from the border: heavier ones may stand alone, and beyond the border
    nobody looks for neighbours."""


def company_of(
    xy_A: FloatArray, p: FloatArray, light: NDArray[np.bool_], field_A: tuple[float, float]
) -> Company:
    """Count the neighbours of every candidate.

    Args:
        xy_A: (n, 2) column and row of the positions.
        p: (n,) probabilities without company.
        light: (n,) which are light elements.
        field_A: (rows, columns) extent of the frame.
    """
    neighbours, rival = np.zeros(len(p)), np.zeros(len(p))
    if len(p) > 1:
        pairs = cKDTree(xy_A).query_pairs(BOND_A[1], output_type="ndarray")
        length = np.hypot(*(xy_A[pairs[:, 0]] - xy_A[pairs[:, 1]]).T)
        bonded = length >= BOND_A[0]
        for one, other in (pairs.T, pairs.T[::-1]):
            np.add.at(neighbours, one[bonded], p[other[bonded]])
            surer = ~bonded & (p[other] > p[one])
            np.maximum.at(rival, one[surer], p[other[surer]])
    height, width = field_A
    edge = np.minimum(xy_A, np.array([width, height]) - xy_A).min(axis=1) if len(p) else p
    return Company(np.minimum(neighbours, FULL), rival, light & (edge > BOND_A[1]))


def in_company(p: FloatArray, company: Company, calibration: CompanyCalibration) -> FloatArray:
    """Probabilities once the neighbours have been heard, (n,); others stay as they are.

    Args:
        p: (n,) without company.
        company: Of the same candidates.
        calibration: The ensemble's own.
    """
    clipped = np.clip(p, LEAST, 1.0 - LEAST)
    logit = calibration.slope * np.log(clipped / (1.0 - clipped))
    logit += np.interp(company.neighbours, np.arange(4.0), calibration.shifts)
    logit += calibration.rival * company.rival
    return np.where(company.asked, 1.0 / (1.0 + np.exp(-logit)), p)
