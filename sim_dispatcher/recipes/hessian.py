"""The force field's curvature, to start a quasi-Newton optimiser with.

A sheet is stiff in its plane and soft out of it; an optimiser that starts from a multiple of the
unit matrix spends most of its steps learning that. The GFN-FF Hessian knows it from the start.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim_dispatcher.levels.potential import Array, Potential

__all__ = ["STEP_A", "FIXED_eV_A2", "FLOOR_eV_A2", "model_hessian"]

STEP_A: Final = 0.01
"""Displacement of the central differences, Å."""

FLOOR_eV_A2: Final = 1.0
"""Least curvature kept, eV/Å²: softer modes would take over-long first steps."""

FIXED_eV_A2: Final = 70.0
"""Curvature entered for fixed coordinates (ASE's own start value); they never feel it."""


def model_hessian(potential: Potential, positions_A: Array, free: NDArray[np.bool_]) -> Array:
    """Return a positive definite (3n, 3n) Hessian over the free coordinates, eV/Å².

    Central differences of forces, symmetrised; eigenvalues are taken by magnitude and not below
    `FLOOR_eV_A2`. Rows and columns of fixed coordinates are diagonal.

    Args:
        potential: A cheap energy surface, called twice per free coordinate.
        positions_A: (n, 3) where to differentiate, Å.
        free: (n, 3) True where a coordinate may move.

    Raises:
        SimulationError: The engine gave no answer at some displacement.
    """
    moving = np.flatnonzero(free.ravel())
    rows = np.array([_row(potential, positions_A, k)[moving] for k in moving.tolist()])
    hessian = np.eye(positions_A.size) * FIXED_eV_A2
    values, vectors = np.linalg.eigh((rows + rows.T) / 2)
    positive = (vectors * np.clip(np.abs(values), FLOOR_eV_A2, None)) @ vectors.T
    hessian[np.ix_(moving, moving)] = positive
    return hessian


def _row(potential: Potential, positions_A: Array, coordinate: int) -> Array:
    """Return the (3n,) derivative of the gradient along one coordinate, eV/Å²."""
    step = np.zeros(positions_A.size)
    step[coordinate] = STEP_A
    shift = step.reshape(positions_A.shape)
    ahead = potential.evaluate(positions_A + shift).forces_eV_A
    behind = potential.evaluate(positions_A - shift).forces_eV_A
    row: Array = ((behind - ahead) / (2 * STEP_A)).ravel()
    return row
