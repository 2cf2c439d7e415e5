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
"""Displacement of the differences, Å."""

FLOOR_eV_A2: Final = 0.3
"""Least curvature kept, eV/Å²: softer modes would take over-long first steps.

Steps to 0.05 eV/Å of a silicon in C87 at GFN1: 9 with 0.3, 11 with 0.6, 14 with 1, 17 with 2.
"""

FIXED_eV_A2: Final = 70.0
"""Curvature entered for fixed coordinates (ASE's own start value); they never feel it."""


def model_hessian(potential: Potential, positions_A: Array, free: NDArray[np.bool_]) -> Array:
    """Return a positive definite (3n, 3n) Hessian over the free coordinates, eV/Å².

    Forward differences of forces, symmetrised (central ones cost twice as much and save no step);
    eigenvalues are taken by magnitude and not below `FLOOR_eV_A2`. Rows and columns of fixed
    coordinates are diagonal.

    Args:
        potential: A cheap energy surface, called once per free coordinate.
        positions_A: (n, 3) where to differentiate, Å.
        free: (n, 3) True where a coordinate may move.

    Raises:
        SimulationError: The engine gave no answer at some displacement.
    """
    moving = np.flatnonzero(free.ravel())
    gradient = -potential.evaluate(positions_A).forces_eV_A.ravel()
    rows = np.array(
        [(_gradient(potential, positions_A, k) - gradient)[moving] for k in moving.tolist()]
    )
    rows /= STEP_A
    hessian = np.eye(positions_A.size) * FIXED_eV_A2
    values, vectors = np.linalg.eigh((rows + rows.T) / 2)
    positive = (vectors * np.clip(np.abs(values), FLOOR_eV_A2, None)) @ vectors.T
    hessian[np.ix_(moving, moving)] = positive
    return hessian


def _gradient(potential: Potential, positions_A: Array, coordinate: int) -> Array:
    """Return the (3n,) gradient one step along a coordinate, eV/Å."""
    step = np.zeros(positions_A.size)
    step[coordinate] = STEP_A
    return -potential.evaluate(positions_A + step.reshape(positions_A.shape)).forces_eV_A.ravel()
