"""Figures that make stated position errors honest; measured by `inference-service calibrate`."""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

__all__ = ["PositionCalibration", "Stratum"]

Positive = Annotated[float, Field(gt=0)]
Correlation = Annotated[float, Field(ge=0, lt=1)]
LEAST_A: Final = 1e-4


class Figures(BaseModel):
    """A piece of the manifest; fields that serving does not use are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Stratum(Figures):
    """Factors at one noise level; between levels they are interpolated on its logarithm."""

    fit_sigma_A: Positive
    """Median standard error that the fit states in a frame, before any factor, Å."""
    fit_scale: Positive = 1.0
    """Multiplies the fit's standard errors."""
    sheet_scale: Positive = 1.0
    """Multiplies those of the fit on the sheet, where there is a sheet."""
    following: Annotated[float, Field(gt=0, le=1)] = 0.4
    """Share of an atom's own displacement that the network follows."""
    network_scale: Positive = 1.0
    """Multiplies the standard errors of the network on the sheet, where there is a sheet."""
    sheet_correlation: Correlation = 0.6
    """Of those two errors."""
    best_scale: Positive = 1.0
    """Multiplies the standard errors of the minimum-error estimate."""


class PositionCalibration(Figures):
    """Of both estimates of a position; the defaults are those of an ensemble not calibrated yet."""

    network_scale: Positive = 0.8
    """Multiplies the network's own position sigma."""
    network_floor_A: Annotated[float, Field(ge=0)] = 0.04
    """Added to it in quadrature, Å: an ensemble not calibrated yet, or a single network that states
    no error at all, is not believed blindly."""
    fit_correlation: Correlation = 0.55
    """Of the network's error with the fit's, where the sheet says nothing."""
    strata: tuple[Stratum, ...] = ()

    def at(self, fit_sigma_A: float) -> Stratum:
        """Return the factors at a frame's noise level."""
        level = max(fit_sigma_A, LEAST_A)
        if not self.strata:
            return Stratum(fit_sigma_A=level)
        ordered = sorted(self.strata, key=lambda one: one.fit_sigma_A)
        nodes = np.log([one.fit_sigma_A for one in ordered])
        values = [one.model_dump(exclude={"fit_sigma_A"}) for one in ordered]
        here = {
            name: float(np.interp(np.log(level), nodes, [one[name] for one in values]))
            for name in values[0]
        }
        return Stratum(fit_sigma_A=level, **here)
