"""A potential as an ASE calculator, with coordinates that may be held fixed.

ASE asks a calculator for little: energy and forces of the atoms it is attached to. Fixed
coordinates simply feel no force, which serves every selective dynamics alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim_dispatcher.levels.potential import Array, Evaluation, Potential

__all__ = ["PotentialCalculator"]


class PotentialCalculator:
    """Energy and forces of one potential, the last point remembered.

    Args:
        potential: The energy surface; its atoms in the order of the ASE atoms.
        free: (n, 3) True where a coordinate may move; forces are zero elsewhere.
    """

    def __init__(self, potential: Potential, free: NDArray[np.bool_]) -> None:
        self._potential = potential
        self._free = free
        self._last: tuple[Array, Evaluation] | None = None

    def get_potential_energy(self, atoms: Any, *, force_consistent: bool = False) -> float:
        """Return the total energy, eV."""
        del force_consistent  # one energy, consistent with the forces
        return self._at(atoms.positions).energy_eV

    def get_forces(self, atoms: Any) -> Array:
        """Return the (n, 3) forces on free coordinates, eV/Å; zero on fixed ones."""
        return np.where(self._free, self._at(atoms.positions).forces_eV_A, 0.0)

    def _at(self, positions: Array) -> Evaluation:
        if self._last is None or not np.array_equal(positions, self._last[0]):
            self._last = positions.copy(), self._potential.evaluate(positions)
        return self._last[1]
