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
from sim_dispatcher.structure.noting import joined_notes

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
        cell_A: (3,) edges of the rectangular box, Å; of a crystal, the lengths of its vectors.
        origin_A: (2,) x, y of the box's corner in the frame: frame = position + origin.
        charge: Total charge, e.
        unpaired: Unpaired electrons.
        source: Index of each atom in the detected list, -1 for atoms added here.
        notes: Decisions and doubts in words, in the order they arose.
        sigma_A: (n,) one-axis standard error of the detected place in the plane, Å; NaN for
            atoms added here and where it is unknown, None = of no atom known.
        p: (n,) probability that detection gave the atom; NaN for atoms added here.
        lattice_A: (3, 3) rows are the vectors of a periodic cell, Å; None = a molecule.
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
    sigma_A: Array | None = None
    p: Array | None = None
    lattice_A: Array | None = None

    def __len__(self) -> int:
        return len(self.symbols)

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """(n,) atomic numbers."""
        return np.array([atomic_numbers[symbol] for symbol in self.symbols], dtype=np.int64)

    @cached_property
    def digest(self) -> str:
        """The name of this structure: BLAKE3 of its extended XYZ text.

        What is only said or known about it (notes, standard errors, probabilities) is left out.
        """
        bare = dataclasses.replace(self, notes=(), sigma_A=None, p=None)
        return blake3(bare.extxyz().encode()).hexdigest()

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
        """Return the cluster as ASE atoms: roles, errors and probabilities as arrays."""
        periodic = self.lattice_A is not None
        cell = self.lattice_A if periodic else self.cell_A
        atoms = ase.Atoms(self.symbols, self.positions_A, cell=cell, pbc=periodic)
        atoms.set_array("role", np.array(self.roles, dtype="U8"))
        for name, column in (("sigma_A", self.sigma_A), ("p", self.p)):
            if column is not None:
                atoms.set_array(name, column)
        if self.notes:
            atoms.info["notes"] = joined_notes(self.notes)
        atoms.info.update(
            charge=self.charge, unpaired=self.unpaired, origin_A=np.array(self.origin_A)
        )
        return atoms

    def extxyz(self) -> str:
        """Return the cluster as extended XYZ text, eight decimals, notes in the comment line."""
        text = io.StringIO()
        ase.io.write(text, self.to_ase(), format="extxyz")
        return text.getvalue()
