"""A cluster ready to be computed: the hand-over from detection to chemistry.

Axes: x, y, z in Å; x = column and y = row of the frame, so a plot with y upwards shows the mirror
image of the micrograph. Positions are in the cluster's own box; `origin_A` leads back.
"""

from __future__ import annotations

import dataclasses
import io
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import ase
import ase.io
import numpy as np
from ase.data import atomic_numbers
from blake3 import blake3
from numpy.typing import NDArray

from sim_dispatcher.structure.box import DECIMALS

__all__ = ["Array", "Cluster", "Role"]

Array: TypeAlias = NDArray[np.float64]

Role = Literal["interior", "rim", "cap"]
"""`rim`: on the cut, carries or could carry a cap; `cap`: a hydrogen that closes the cut."""


@dataclass(frozen=True, eq=False)
class Cluster:
    """Atoms in a box, with what was decided about them.

    Attributes:
        symbols: Element of each atom.
        positions_A: (n, 3) x, y, z in Å, inside the box.
        roles: Part each atom plays; same order.
        cell_A: (3,) edges of the rectangular box, Å.
        origin_A: (2,) x, y of the box's corner in the frame: frame = position + origin.
        charge: Total charge, e.
        unpaired: Unpaired electrons.
        source: Index of each atom in the detected list, -1 for atoms added here.
        notes: Decisions and doubts in words, in the order they arose.
    """

    symbols: tuple[str, ...]
    positions_A: Array
    roles: tuple[Role, ...]
    cell_A: tuple[float, float, float]
    origin_A: tuple[float, float] = (0.0, 0.0)
    charge: int = 0
    unpaired: int = 0
    source: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.symbols)

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """(n,) atomic numbers."""
        return np.array([atomic_numbers[symbol] for symbol in self.symbols], dtype=np.int64)

    @cached_property
    def digest(self) -> str:
        """BLAKE3 of the extended XYZ text: the name of this structure."""
        return blake3(self.extxyz().encode()).hexdigest()

    def indices(self, *roles: Role) -> NDArray[np.intp]:
        """Return the atoms that play any of these roles."""
        return np.flatnonzero([role in roles for role in self.roles])

    def moved(self, positions_A: Array) -> Cluster:
        """Return the same atoms elsewhere."""
        return dataclasses.replace(self, positions_A=np.round(positions_A, DECIMALS))

    def noted(self, *notes: str) -> Cluster:
        """Return the same cluster with more notes."""
        return dataclasses.replace(self, notes=self.notes + notes)

    def to_ase(self) -> ase.Atoms:
        """Return the cluster as ASE atoms, roles in the array `role`."""
        atoms = ase.Atoms(self.symbols, self.positions_A, cell=self.cell_A, pbc=False)
        atoms.set_array("role", np.array(self.roles, dtype="U8"))
        atoms.info.update(
            charge=self.charge, unpaired=self.unpaired, origin_A=np.array(self.origin_A)
        )
        return atoms

    def extxyz(self) -> str:
        """Return the cluster as extended XYZ text, eight decimals."""
        text = io.StringIO()
        ase.io.write(text, self.to_ase(), format="extxyz")
        return text.getvalue()
