"""A periodic sheet of graphene while defects are being put into it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shared.units import CARBON_BOND_A, GRAPHENE_LATTICE_A

__all__ = ["CARBON", "SILICON", "Draft", "Placed", "graphene"]

CARBON = 6
SILICON = 14


@dataclass(frozen=True, slots=True)
class Placed:
    """A defect and the atoms that it is made of.

    Attributes:
        type: One of the defect types of `shared.messages`.
        members: Indices of its dopants, or of atoms placed symmetrically around its centre.
    """

    type: str
    members: tuple[int, ...]


@dataclass(slots=True)
class Draft:
    """Atoms and bonds of one periodic cell; edited in place, then frozen into a `Specimen`.

    Attributes:
        positions_A: (n, 2) [row, column], Å.
        numbers: (n,) atomic numbers; 0 = removed.
        neighbours: For each atom the indices of those bonded to it.
        period_A: (2,) edges of the periodic cell, Å.
        stretched_A: Rest lengths of bonds that are not what their elements suggest, Å.
    """

    positions_A: NDArray[np.float64]
    numbers: NDArray[np.uint8]
    neighbours: list[set[int]]
    period_A: NDArray[np.float64]
    stretched_A: dict[frozenset[int], float] = field(default_factory=dict)

    def vector(self, start: int, end: int) -> NDArray[np.float64]:
        """Return the shortest (row, column) vector between two atoms, Å."""
        difference = self.positions_A[end] - self.positions_A[start]
        return np.asarray(difference - self.period_A * np.rint(difference / self.period_A))

    def bonds(self) -> NDArray[np.int64]:
        """Return all bonds, each once, as an (m, 2) array of atom indices."""
        pairs = [(i, j) for i, near in enumerate(self.neighbours) for j in near if i < j]
        return np.array(sorted(pairs), dtype=np.int64)

    def bond(self, first: int, second: int) -> None:
        """Connect two atoms."""
        self.neighbours[first].add(second)
        self.neighbours[second].add(first)

    def unbond(self, first: int, second: int) -> None:
        """Cut the bond between two atoms."""
        self.neighbours[first].discard(second)
        self.neighbours[second].discard(first)

    def remove(self, atom: int) -> set[int]:
        """Take an atom away; returns the atoms it was bonded to."""
        orphans = set(self.neighbours[atom])
        for other in orphans:
            self.unbond(atom, other)
        self.numbers[atom] = 0
        return orphans


def graphene(least_size_A: float) -> Draft:
    """Return a pristine periodic sheet, about square.

    Args:
        least_size_A: Both edges of the cell are at least this long, Å.
    """
    cell = np.array([3 * CARBON_BOND_A, GRAPHENE_LATTICE_A])  # rows: armchair, columns: zigzag
    repeats = np.ceil(least_size_A / cell).astype(int)
    basis = np.array([[0, 0], [1 / 6, 1 / 2], [1 / 2, 1 / 2], [2 / 3, 0]])
    rows, columns = np.meshgrid(*(np.arange(n) for n in repeats), indexing="ij")
    corners = np.stack([rows, columns], axis=-1).reshape(-1, 1, 2)
    positions = ((corners + basis) * cell).reshape(-1, 2)
    numbers = np.full(len(positions), CARBON, dtype=np.uint8)
    return Draft(positions, numbers, _bonds_of(repeats), repeats * cell)


def _bonds_of(repeats: NDArray[np.int64]) -> list[set[int]]:
    """Return the bonds of the four-atom cells, by counting rather than by distance."""
    rows, columns = (int(n) for n in repeats)

    def atom(row: int, column: int, basis: int) -> int:
        return ((row % rows) * columns + column % columns) * 4 + basis

    neighbours: list[set[int]] = [set() for _ in range(4 * rows * columns)]
    for row in range(rows):
        for column in range(columns):
            pairs = (
                (atom(row, column, 0), atom(row, column, 1)),
                (atom(row, column, 0), atom(row, column - 1, 1)),
                (atom(row, column, 1), atom(row, column, 2)),
                (atom(row, column, 2), atom(row, column, 3)),
                (atom(row, column, 2), atom(row, column + 1, 3)),
                (atom(row, column, 3), atom(row + 1, column, 0)),
            )
            for first, second in pairs:
                neighbours[first].add(second)
                neighbours[second].add(first)
    return neighbours


def distance(draft: Draft, first: int, second: int) -> float:
    """Return the shortest distance between two atoms, Å."""
    return math.hypot(*draft.vector(first, second))
