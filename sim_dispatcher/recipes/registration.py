"""Lay a model image over a measured one: shift, probe, brightness and background.

For any shift and probe the best brightness and background follow from linear least squares, so
that only three numbers are searched for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from sim_dispatcher.recipes.micrograph import PROBE_SIGMA_A, Array, Grid

__all__ = ["Measured", "Registered", "register"]

FARTHEST_A: Final = 1.0
"""The model is looked for no farther off than this, Å: half a lattice vector more would be
another atom's place."""

SIGMA_RANGE_A: Final = (0.15, 1.2)
"""Widths of a probe that can be told from a pixel and from a background, Å."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Pixels of a micrograph.

    Attributes:
        image: (rows, columns) intensity in any unit.
        grid: Where the pixels are, in the frame's coordinates.
    """

    image: Array
    grid: Grid


@dataclass(frozen=True, eq=False)
class Registered:
    """A model laid over a measurement.

    Attributes:
        model: (rows, columns) in the measurement's unit.
        shift_A: How far the model had to move, x and y, Å.
        sigma_A: Width of the probe, Å.
        correlation: Normalised cross-correlation where they were compared.
        residual_share: Share of the measurement's variance that the model leaves unexplained.
    """

    model: Array
    shift_A: tuple[float, float]
    sigma_A: float
    correlation: float
    residual_share: float


def register(
    render: Callable[[float, float, float], Array],
    measured: Measured,
    compared: NDArray[np.bool_],
    sigma_A: float | None = None,
) -> Registered:
    """Find the shift, and the probe where it is not given, that explain a measurement best.

    Args:
        render: Computes the model from shift in x, in y, and probe, all in Å.
        measured: The measurement.
        compared: (rows, columns) True where both show the same thing.
        sigma_A: Width of the probe, Å; None = from the measurement.
    """
    target = measured.image[compared].astype(np.float64)
    spread = float(np.std(target)) or 1.0

    def misfit(unknown: Array) -> Array:
        model = render(*_complete(unknown, sigma_A))[compared]
        return np.asarray((_fitted(model, target)[0] - target) / spread)

    free_sigma = [] if sigma_A is not None else [PROBE_SIGMA_A]
    bounds = [(-FARTHEST_A, FARTHEST_A)] * 2 + [SIGMA_RANGE_A] * len(free_sigma)
    start = np.array([0.0, 0.0, *free_sigma])
    found = least_squares(misfit, start, bounds=tuple(np.array(bounds).T), x_scale=0.1)
    dx, dy, sigma = _complete(found.x, sigma_A)
    model = render(dx, dy, sigma)
    fitted, (scale, offset) = _fitted(model[compared], target)
    return Registered(
        model=scale * model + offset,
        shift_A=(dx, dy),
        sigma_A=sigma,
        correlation=_correlation(fitted, target),
        residual_share=min(1.0, float(np.mean((fitted - target) ** 2)) / spread**2),
    )


def _complete(unknown: Array, sigma_A: float | None) -> tuple[float, float, float]:
    dx, dy, *rest = unknown.tolist()
    return dx, dy, sigma_A if sigma_A is not None else rest[0]


def _fitted(model: Array, target: Array) -> tuple[Array, tuple[float, float]]:
    """Return the model in the target's unit, with its scale and offset, by least squares."""
    spread = float(np.var(model))
    scale = (
        float(np.mean((model - model.mean()) * (target - target.mean()))) / spread
        if spread
        else 0.0
    )
    scale = max(scale, 0.0)  # a negative image explains nothing
    offset = float(target.mean() - scale * model.mean())
    return scale * model + offset, (scale, offset)


def _correlation(model: Array, target: Array) -> float:
    a, b = model - model.mean(), target - target.mean()
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float(np.clip((a @ b) / norm, -1, 1)) if norm else 0.0
