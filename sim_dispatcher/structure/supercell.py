"""Supercells of graphene in each of the plane's five Bravais lattices.

Rectangular, centred rectangular, oblique and hexagonal cells exist without any strain; a square
one does not, and the strain it costs is the least among cells of about the size asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.errors import StructureError
from shared.units import GRAPHENE_LATTICE_A

__all__ = [
    "BRAVAIS",
    "IDEAL_A",
    "MOST_STRAIN",
    "OFF_LATTICE",
    "Bravais",
    "Supercell",
    "choose_supercell",
    "recognise_supercell",
    "supercell_sites",
]

Array: TypeAlias = NDArray[np.float64]

Bravais = Literal["rectangular", "centred", "square", "hexagonal", "oblique"]
"""With vacuum along the third vector: orthorhombic P and C, tetragonal, hexagonal, monoclinic."""

BRAVAIS: Final[tuple[Bravais, ...]] = ("rectangular", "centred", "square", "hexagonal", "oblique")

IDEAL_A: Final = GRAPHENE_LATTICE_A * np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])
"""Rows are the lattice vectors of graphene, 60 degrees apart, Å."""

SLACK: Final = 0.3
"""Edges may be this share longer than asked for, and never shorter."""

MOST_STRAIN: Final = 0.02
"""A cell that strains graphene more than this is refused: 2 % costs 0.02 eV per atom."""

OFF_LATTICE: Final = 0.5772e-3
"""Share of a cell by which its border is moved, so that no site lies on it."""

EQUAL: Final = 1e-3
"""Strains are compared in steps of this; the cell closer to the size asked for wins a tie."""


@dataclass(frozen=True, eq=False)
class Supercell:
    """A cell that holds a whole number of graphene's.

    Attributes:
        matrix: (2, 2) integers: its vectors in units of graphene's.
        vectors_A: (2, 2) rows are its vectors in the exact Bravais lattice, Å, the first along x.
        strain: Largest principal strain that graphene takes to fit into it.
    """

    matrix: NDArray[np.int64]
    vectors_A: Array
    strain: float

    @property
    def n_cells(self) -> int:
        """Primitive cells of graphene in it, two atoms each."""
        return abs(round(float(np.linalg.det(self.matrix))))


def choose_supercell(lattice: Bravais, edge_A: float) -> Supercell:
    """Return the least strained cell of a Bravais lattice, then the one nearest to a size.

    Args:
        lattice: Which of the five.
        edge_A: Distance between opposite sides of the cell, at least, Å.

    Raises:
        StructureError: No cell of that size exists.
    """
    best: tuple[float, float] | None = None
    chosen: Supercell | None = None
    for matrix in _candidates(lattice, edge_A):
        ideal = matrix @ IDEAL_A
        vectors = _exact(lattice, ideal)
        strain = _strain(ideal, vectors)
        rank = (round(strain / EQUAL) * EQUAL, abs(float(np.linalg.det(vectors))))
        if best is None or rank < best:
            best, chosen = rank, Supercell(matrix, vectors, strain)
    if chosen is None:
        raise StructureError(
            f"Graphene has no {lattice} cell {edge_A:.1f} to {edge_A * (1 + SLACK):.1f} Å wide.",
            remedy="Ask for another size, or for another lattice.",
        )
    return chosen


def recognise_supercell(vectors_A: Array) -> Supercell | None:
    """Return the cell of graphene that two vectors are, up to 2 % of strain; None if none.

    Args:
        vectors_A: (2, 2) rows are the vectors in the sheet's plane, anticlockwise, Å.
    """
    most = int(np.ceil(1.2 * np.linalg.norm(vectors_A, axis=1).max() / GRAPHENE_LATTICE_A)) + 1
    steps = np.arange(-most, most + 1)
    lattice = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    lengths = np.linalg.norm(lattice @ IDEAL_A, axis=1)
    fitting = [
        lattice[np.abs(lengths / length - 1) < MOST_STRAIN]
        for length in np.linalg.norm(vectors_A, axis=1)
    ]
    best: Supercell | None = None
    for first, second in product(*fitting):
        matrix = np.array([first, second])
        ideal = matrix @ IDEAL_A
        if np.linalg.det(ideal) < 1.0:
            continue
        strain = _strain(ideal, vectors_A)
        if strain <= MOST_STRAIN and (best is None or strain < best.strain - EQUAL):
            best = Supercell(matrix, vectors_A, strain)
    return best


def supercell_sites(cell: Supercell) -> Array:
    """Return (2 n, 2) the atoms' places in a cell, as shares of its vectors, in a fixed order."""
    most = int(np.abs(cell.matrix).sum()) + 1
    steps = np.arange(-most, most + 1)
    cells = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    sites = np.concatenate([cells + 1 / 3, cells + 2 / 3])
    shares = sites @ np.linalg.inv(cell.matrix)
    inside: Array = shares[(np.floor(shares + OFF_LATTICE) == 0).all(axis=1)]
    return inside


def _candidates(lattice: Bravais, edge_A: float) -> Iterator[NDArray[np.int64]]:
    """Yield the integer matrices whose cells have about the shape and size asked for."""
    most = int(np.ceil(2 * (1 + SLACK) * edge_A / GRAPHENE_LATTICE_A))
    for matrix in _families(lattice, most):
        vectors = matrix @ IDEAL_A
        area = float(np.linalg.det(vectors))
        if area <= 0:
            continue
        widths = area / np.linalg.norm(vectors, axis=1)
        if (widths >= edge_A).all() and (widths <= (1 + SLACK) * edge_A).all():
            yield matrix


def _families(lattice: Bravais, most: int) -> Iterator[NDArray[np.int64]]:
    """Yield cells that have, or nearly have, the shape of a lattice."""
    for n, m in product(range(1, most), range(most)):
        match lattice:
            case "rectangular" | "square":
                yield np.array([[n, 0], [-m, 2 * m]])
            case "centred":
                yield np.array([[n + m, -m], [-m, n + m]])
            case "hexagonal":
                yield np.array([[n, m], [-m, n + m]])
            case "oblique":
                yield np.array([[n, 0], [1, m]])


def _exact(lattice: Bravais, ideal: Array) -> Array:
    """Return the cell nearest to some vectors that has its lattice's shape to the last digit."""
    (a, b), area = np.linalg.norm(ideal, axis=1), float(np.linalg.det(ideal))
    angle = float(np.arcsin(np.clip(area / (a * b), -1, 1)))
    if float(ideal[0] @ ideal[1]) < 0:
        angle = np.pi - angle
    match lattice:
        case "rectangular":
            angle = np.pi / 2
        case "square":
            a = b = np.sqrt(area)
            angle = np.pi / 2
        case "hexagonal":
            a = b = np.sqrt(area / np.sqrt(0.75))
            angle = np.pi / 3
        case "centred":
            a = b = np.sqrt(a * b)
        case "oblique":
            pass
    return np.array([[a, 0.0], [b * np.cos(angle), b * np.sin(angle)]])


def _strain(ideal: Array, vectors: Array) -> float:
    """Return the largest principal strain of the map from one cell to the other."""
    stretches = np.linalg.svd(np.linalg.inv(ideal) @ vectors, compute_uv=False)
    return float(np.abs(stretches - 1).max())
