"""An energy surface: positions in, energy and forces out.

The one thing every engine can do. Optimisers and recipes know only this; which library computes
it, and in which units, ends here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from shared.errors import SimulationError

__all__ = [
    "BOHR_A",
    "HARTREE_EV",
    "KELVIN_EV",
    "Array",
    "Evaluation",
    "Potential",
    "System",
    "refuse_cell",
]

Array = NDArray[np.float64]

HARTREE_EV: Final = 27.211386245988
"""Hartree in eV (CODATA 2018, doi:10.1103/RevModPhys.93.025010)."""

BOHR_A: Final = 0.529177210903
"""Bohr radius in Å (CODATA 2018)."""

KELVIN_EV: Final = 8.617333262e-5
"""Boltzmann's constant in eV per kelvin (CODATA 2018)."""


@dataclass(frozen=True, eq=False)
class System:
    """What is to be computed: nuclei and electrons, without positions.

    Attributes:
        numbers: (n,) atomic numbers.
        charge: Total charge, e.
        unpaired: Unpaired electrons (0 or 1 unless asked otherwise).
        lattice_A: (3, 3) rows are the lattice vectors of a periodic cell, Å; None = a molecule.
    """

    numbers: NDArray[np.int64]
    charge: int = 0
    unpaired: int = 0
    lattice_A: Array | None = None

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One point of an energy surface.

    Attributes:
        energy_eV: Total energy, eV.
        forces_eV_A: (n, 3) forces, eV/Å, in the order of the atoms.
    """

    energy_eV: float
    forces_eV_A: Array


def refuse_cell(level: str, system: System) -> None:
    """Refuse a periodic cell where only molecules can be computed.

    Args:
        level: Its name, for the message.
        system: What was asked for.

    Raises:
        SimulationError: The system is periodic.
    """
    if system.lattice_A is not None:
        raise SimulationError(
            f"This implementation of {level} computes molecules, and this is a periodic cell.",
            remedy="Cut a cluster, or choose tblite's gfn1 or gfn2, gpaw or qe.",
        )


class Potential(Protocol):
    """An energy surface of one system; keeps what speeds up the next, similar point."""

    def evaluate(self, positions_A: Array) -> Evaluation:
        """Compute one point.

        Args:
            positions_A: (n, 3) x, y, z in Å.

        Raises:
            SimulationError: The engine gave no answer.
        """
        ...
