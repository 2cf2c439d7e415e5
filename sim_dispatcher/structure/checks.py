"""Refusals: structures that no engine should be asked to compute."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final, TypeAlias

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from shared.errors import StructureError
from sim_dispatcher.structure.bonds import CONTACT_FACTOR, bonded_pairs
from sim_dispatcher.structure.images import with_images

__all__ = ["OVERLAP_A", "check_atoms", "check_size", "check_structure", "close_pairs", "fragments"]

Array: TypeAlias = NDArray[np.float64]

OVERLAP_A: Final = 0.7
"""Two heavy atoms closer than this are one atom seen twice, Å."""

ATOMS_PER_A2: Final = 1.5
"""Atoms of a capped cut over its radius squared, 1/Å², rounded up: 118 at 8.99 Å, 166 at 11 Å."""

HYDROGEN_OVERLAP_A: Final = 0.5
"""The same where hydrogen takes part; H2, the shortest bond there is, has 0.74 Å."""


def check_structure(
    symbols: Sequence[str], positions_A: Array, lattice_A: Array | None = None
) -> None:
    """Refuse an empty, overlapping, nameless or broken structure.

    Args:
        symbols: Element of each atom.
        positions_A: (n, 3) positions, Å.
        lattice_A: (3, 3) vectors of a periodic cell, Å; None = a molecule.

    Raises:
        StructureError: With the first atoms concerned and what to do.
    """
    check_atoms(symbols, positions_A)
    _check_overlaps(symbols, positions_A, lattice_A)
    touching = bonded_pairs(symbols, positions_A, CONTACT_FACTOR, lattice_A)
    labels = fragments(len(symbols), touching)
    if labels.max() > 0:
        raise StructureError(
            f"The structure falls into {labels.max() + 1} fragments that no bond connects.",
            remedy="Keep the fragment of interest, or check the scale of the coordinates.",
        )


def check_atoms(symbols: Sequence[str], positions_A: Array) -> None:
    """Refuse a list of atoms that is empty, nameless or not numbers.

    Raises:
        StructureError: With the first atom concerned and what to do.
    """
    if not symbols:
        raise StructureError(
            "The structure has no atoms.", remedy="Pick a place where atoms were detected."
        )
    _check_elements(symbols)
    if not np.isfinite(positions_A).all():
        raise StructureError(
            "The structure has positions that are not numbers.", remedy="Mend the input."
        )


def check_size(n_atoms: int, max_atoms: int, level: str) -> None:
    """Refuse a structure that the level cannot answer for in time.

    Raises:
        StructureError: More atoms than the level takes.
    """
    if n_atoms > max_atoms:
        raise StructureError(
            f"{n_atoms} atoms are too many for level {level}, which takes {max_atoms}.",
            remedy=f"Choose a radius of at most {sqrt(max_atoms / ATOMS_PER_A2):.0f} Å, a cheaper"
            " level, or a site that runs this one at that size.",
        )


def close_pairs(positions_A: Array, below_A: float) -> NDArray[np.intp]:
    """Return (m, 2) pairs of atoms closer than a limit, Å."""
    found = cKDTree(positions_A).query_pairs(below_A, output_type="ndarray")
    return np.asarray(found, dtype=np.intp)


def fragments(n_atoms: int, pairs: NDArray[np.intp]) -> NDArray[np.int32]:
    """Return (n,) labels from 0 of the connected parts that bonds make."""
    ones = np.ones(len(pairs))
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(n_atoms, n_atoms))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int32)


def _check_elements(symbols: Sequence[str]) -> None:
    unknown = [i for i, symbol in enumerate(symbols) if not atomic_numbers.get(symbol, 0)]
    if unknown:
        raise StructureError(
            f"Atom {unknown[0]} is of unknown element {symbols[unknown[0]]!r}"
            f" ({len(unknown)} such atoms).",
            remedy="Name the element, or pick a defect whose atoms are all identified.",
        )


def _check_overlaps(symbols: Sequence[str], positions_A: Array, lattice_A: Array | None) -> None:
    copies, origin = positions_A, np.arange(len(positions_A))
    if lattice_A is not None:
        copies, origin = with_images(positions_A, lattice_A, OVERLAP_A)
    for one, other in close_pairs(copies, OVERLAP_A).tolist():
        i, j = int(origin[one]), int(origin[other])
        distance = float(np.linalg.norm(copies[one] - copies[other]))
        if "H" in {symbols[i], symbols[j]} and distance > HYDROGEN_OVERLAP_A:
            continue
        raise StructureError(
            f"Atoms {i} ({symbols[i]}) and {j} ({symbols[j]}) overlap: {distance:.2f} Å apart.",
            remedy="Remove one of them, or check the scale of the coordinates.",
        )
