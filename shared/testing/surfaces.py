"""What every energy surface must do, whoever computes it.

A surface is a function from (n, 3) positions in Å to an energy in eV and (n, 3) forces in eV/Å.
Each check returns how far a surface is from perfect, so that a test can say what it allows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Surface", "memory_eV", "reordering_eV", "slope_eV_A", "translation_eV"]

Array: TypeAlias = NDArray[np.float64]
Surface: TypeAlias = Callable[[Array], tuple[float, Array]]

STEP_A: Final = 5e-3
"""Half of a central difference: wide enough for a self-consistent field's last digits."""

FAR_A: Final = np.array([5.0, -3.0, 1.0])


def slope_eV_A(surface: Surface, positions_A: Array, seed: int = 0, directions: int = 3) -> float:
    """Return the largest difference between forces and -dE/dx along random directions.

    Args:
        surface: What is tested.
        positions_A: (n, 3) where.
        seed: Of the directions.
        directions: How many; each costs two points.

    Returns:
        eV/Å, per unit step of one atom.
    """
    _, forces = surface(positions_A)
    worst = 0.0
    for direction in np.random.default_rng(seed).normal(size=(directions, *positions_A.shape)):
        unit = direction / np.linalg.norm(direction)
        ahead, _ = surface(positions_A + STEP_A * unit)
        behind, _ = surface(positions_A - STEP_A * unit)
        slope = (behind - ahead) / (2 * STEP_A)
        worst = max(worst, abs(slope - float((forces * unit).sum())))
    return worst


def translation_eV(make: Callable[[], Surface], positions_A: Array) -> float:
    """Return how much a rigid shift changes energy (eV) or forces (eV/Å), whichever is more."""
    energy, forces = make()(positions_A)
    moved, moved_forces = make()(positions_A + FAR_A)
    return max(abs(moved - energy), float(np.abs(moved_forces - forces).max()))


def reordering_eV(
    make: Callable[[NDArray[np.intp]], Surface], positions_A: Array, seed: int = 0
) -> float:
    """Return how much another order of the atoms changes energy (eV) or forces (eV/Å).

    Args:
        make: Returns the surface of the atoms in the order given.
        positions_A: (n, 3) in the first order.
        seed: Of the other order.
    """
    same = np.arange(len(positions_A))
    order = np.random.default_rng(seed).permutation(same)
    energy, forces = make(same)(positions_A)
    other, other_forces = make(order)(positions_A[order])
    return max(abs(other - energy), float(np.abs(other_forces - forces[order]).max()))


def memory_eV(make: Callable[[], Surface], positions_A: Array) -> float:
    """Return how much energy and forces depend on what was computed before: eV or eV/Å."""
    warm = make()
    warm(positions_A + 0.1 * np.sin(np.arange(positions_A.size)).reshape(positions_A.shape))
    energy, forces = make()(positions_A)
    again, again_forces = warm(positions_A)
    return max(abs(again - energy), float(np.abs(again_forces - forces).max()))
