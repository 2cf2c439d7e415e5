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
    best_scale: Positive = 1.0
    """Multiplies those of the minimum-error estimate."""


class PositionCalibration(Figures):
    """Of both estimates of a position; the defaults are those of an ensemble not calibrated yet."""

    network_scale: Positive = 1.0
    """Multiplies the network's own position sigma."""
    network_floor_A: Annotated[float, Field(ge=0)] = 0.0
    """Error of the network that nothing removes, one axis, in quadrature, Å."""
    unfollowed: Annotated[float, Field(ge=0)] = 0.7
    """Share of `tau² sigma_fit² / (tau² + sigma_fit²)` in the network's variance: displacements
    that it draws back to the lattice without knowing."""
    fit_correlation: Correlation = 0.55
    """Of the network's error with the fit's, where the sheet says nothing."""
    sheet_correlation: Correlation = 0.75
    """Of the network's error with that of the estimate on the sheet, where it says all."""
    strata: tuple[Stratum, ...] = ()

    def factors(self, fit_sigma_A: float) -> tuple[float, float]:
        """Return ``fit_scale`` and ``best_scale`` at a frame's noise level."""
        if not self.strata:
            return 1.0, 1.0
        ordered = sorted(self.strata, key=lambda one: one.fit_sigma_A)
        at = np.log([one.fit_sigma_A for one in ordered])
        here = np.log(max(fit_sigma_A, LEAST_A))
        fit, best = (
            float(np.interp(here, at, values))
            for values in (
                [one.fit_scale for one in ordered],
                [one.best_scale for one in ordered],
            )
        )
        return fit, best
