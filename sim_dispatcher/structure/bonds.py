"""Chemical bonds of a finished cluster, hydrogen included, in three dimensions.

The lattice's own bond graph (`shared.lattice`) works on projected, measured positions of heavy
atoms; relaxed clusters buckle and carry hydrogen, so lengths are judged here by covalent radii.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from shared.messages.reports import BondStatistics
from sim_dispatcher.structure.images import with_images

__all__ = ["BOND_FACTOR", "CONTACT_FACTOR", "bond_statistics", "bonded_pairs", "neighbours"]

Array: TypeAlias = NDArray[np.float64]
Pairs: TypeAlias = NDArray[np.intp]

BOND_FACTOR: Final = 1.2
"""A bond is at most this times the sum of covalent radii (Cordero, doi:10.1039/b801115j)."""

CONTACT_FACTOR: Final = 1.5
"""Atoms farther apart than this times their radii belong to different fragments: 2.28 Å for
C-C, below the second neighbours' 2.46 Å but above any bond that is merely stretched."""


def bonded_pairs(
    symbols: Sequence[str],
    positions_A: Array,
    factor: float = BOND_FACTOR,
    lattice_A: Array | None = None,
) -> Pairs:
    """Return (m, 2) index pairs i < j of bonded atoms, sorted.

    Args:
        symbols: Element of each atom.
        positions_A: (n, 2) or (n, 3) positions, Å.
        factor: Longest bond over the sum of covalent radii.
        lattice_A: (3, 3) vectors of a periodic cell, Å; two atoms then count once, however many
            of their images are bonded, and an atom never counts as bonded to itself.
    """
    if lattice_A is not None:
        ends, _ = _periodic(symbols, positions_A, factor, lattice_A)
        between = np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1)
        return np.unique(between, axis=0)
    radii = _radii(symbols)
    reach = 2 * factor * float(radii.max())
    pairs = cKDTree(positions_A).query_pairs(reach, output_type="ndarray").astype(np.intp)
    limit = factor * (radii[pairs[:, 0]] + radii[pairs[:, 1]])
    bonded: Pairs = pairs[_lengths(positions_A, pairs) <= limit]
    return bonded[np.lexsort((bonded[:, 1], bonded[:, 0]))]


def neighbours(n_atoms: int, pairs: Pairs) -> list[list[int]]:
    """Return the bonded neighbours of each atom."""
    found: list[list[int]] = [[] for _ in range(n_atoms)]
    for i, j in pairs.tolist():
        found[i].append(j)
        found[j].append(i)
    return found


def bond_statistics(
    symbols: Sequence[str], positions_A: Array, lattice_A: Array | None = None
) -> dict[str, BondStatistics]:
    """Return mean, least and greatest length of each kind of bond, Å.

    Kinds are named alphabetically: `C-C`, `C-H`, `C-Si`. In a periodic cell every bond of the
    cell counts once.
    """
    if lattice_A is None:
        pairs = bonded_pairs(symbols, positions_A)
        measured = _lengths(positions_A, pairs)
    else:
        pairs, measured = _periodic(symbols, positions_A, BOND_FACTOR, lattice_A)
    lengths: dict[str, list[float]] = defaultdict(list)
    for (i, j), length in zip(pairs.tolist(), measured.tolist(), strict=True):
        lengths["-".join(sorted((symbols[i], symbols[j])))].append(length)
    return {
        kind: BondStatistics(
            mean=float(np.mean(found)), min=min(found), max=max(found), n=len(found)
        )
        for kind, found in sorted(lengths.items())
    }


def _radii(symbols: Sequence[str]) -> Array:
    return np.array([covalent_radii[atomic_numbers[symbol]] for symbol in symbols])


def _periodic(
    symbols: Sequence[str], positions_A: Array, factor: float, lattice_A: Array
) -> tuple[Pairs, Array]:
    """Return (m, 2) ends and (m,) lengths of a cell's bonds, each once, images told apart."""
    radii = _radii(symbols)
    copies, origin = with_images(positions_A, lattice_A, 2 * factor * float(radii.max()))
    near = cKDTree(copies).query_pairs(2 * factor * float(radii.max()), output_type="ndarray")
    near = near[(near < len(positions_A)).any(axis=1)]
    ends = origin[near]
    lengths = _lengths(copies, near)
    bonded = lengths <= factor * radii[ends].sum(axis=1)
    # A bond across a face is met twice, once from either end; one within the cell once.
    across = (near[bonded] >= len(positions_A)).any(axis=1)
    order = np.lexsort((lengths[bonded], *np.sort(ends[bonded], axis=1).T[::-1], across))
    inner = order[: int((~across).sum())]
    outer = order[int((~across).sum()) :][::2]
    kept = np.concatenate([inner, outer])
    return np.sort(ends[bonded][kept], axis=1), lengths[bonded][kept]


def _lengths(positions_A: Array, pairs: Pairs) -> Array:
    lengths: Array = np.linalg.norm(positions_A[pairs[:, 0]] - positions_A[pairs[:, 1]], axis=1)
    return lengths
