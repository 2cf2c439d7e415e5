"""Bonds between measured atoms: who is whose neighbour in the projected plane.

The rule is the usual one for covalent solids, 1.2 times the sum of the covalent radii, with two
amendments for *measured* coordinates. First, the lattice's own scale is found from the median
C-C bond, so a frame calibrated a few percent wrong keeps its bonds. Second, an atom that is short
of bonds may take a longer one (up to 1.35 times) when the other end is short of one, too: noise
of 0.1 Å stretches one bond in a hundred beyond the plain rule, while a plain rule wide enough for
all of them joins second neighbours around a freshly rotated bond. Bonds never cross.

Axes: positions are (x, y) in Å, x = column; ASE's first two of x, y, z.

References:
    Covalent radii: Cordero et al., Dalton Trans. 2832 (2008), doi:10.1039/b801115j.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from shared.units import CARBON_BOND_A

__all__ = [
    "COVALENT_RADII_A",
    "BondGraph",
    "NearPairs",
    "bond_pairs",
    "covalent_radii",
    "find_bonds",
    "find_firm_pairs",
    "find_near_pairs",
]

COVALENT_RADII_A: Final[dict[str, float]] = {
    "H": 0.31, "B": 0.84, "C": 0.73, "N": 0.71, "O": 0.66, "F": 0.57, "Al": 1.21, "Si": 1.11,
    "P": 1.07, "S": 1.05, "Ti": 1.60, "V": 1.53, "Cr": 1.39, "Fe": 1.32, "Ni": 1.24, "Cu": 1.32,
    "Ge": 1.20, "Se": 1.20, "Mo": 1.54, "Pt": 1.36, "W": 1.62, "Re": 1.51, "Au": 1.36,
}  # fmt: skip
"""Covalent radii, Å (Cordero et al.; carbon as sp2, iron as low spin)."""

UNKNOWN_RADIUS_A: Final = 0.85
"""Radius taken for an element that is not known: between carbon's and silicon's."""

BOND_FACTOR: Final = 1.2
"""A pair closer than this times its covalent radii is bonded."""

STRETCHED_FACTOR: Final = 1.35
"""Up to here a pair may bond when both ends lack a bond: 1.97 Å for C-C, midway to 2.46 Å."""

SHORTCUT_STRAIN: Final = 0.85
"""A dopant's bond longer than this share of its cut-off (1.88 Å for Si-C) may be a shortcut."""

SHORTCUT_MARGIN: Final = 0.08
"""Both other sides of the triangle must be shorter by this share."""

WANTED_BONDS: Final[dict[str, int]] = {"B": 3, "C": 3, "N": 3, "O": 3, "Si": 4}
"""Bonds an atom of the sheet may stretch for; elements not listed never stretch."""

SCALE_RANGE: Final = (0.93, 1.07)
"""How far the measured lattice may be off the true scale and still be followed."""

SCALE_BONDS: Final = 30
"""Fewer C-C bonds than this say nothing about the scale."""


@dataclass(frozen=True, eq=False)
class BondGraph:
    """Atoms and the bonds between them."""

    positions_A: NDArray[np.float64]
    """(n, 2) [x, y], Å."""
    pairs: NDArray[np.int64]
    """(m, 2) bonded atoms, first < second, sorted."""
    lengths_A: NDArray[np.float64]
    """(m,) bond lengths, Å."""
    strain: NDArray[np.float64]
    """(m,) length over the pair's cut-off; above 1 the bond was stretched for."""

    @cached_property
    def coordination(self) -> NDArray[np.int64]:
        """(n,) number of bonds of each atom."""
        return np.bincount(self.pairs.ravel(), minlength=len(self.positions_A))

    @cached_property
    def neighbours(self) -> tuple[tuple[int, ...], ...]:
        """Bonded atoms of each atom, ascending."""
        tails = self.pairs.ravel()
        heads = self.pairs[:, ::-1].ravel()
        order = np.lexsort((heads, tails))
        ends = np.cumsum(self.coordination).tolist()
        around = heads[order].tolist()
        return tuple(tuple(around[a:b]) for a, b in pairwise([0, *ends]))

    def without(self, dropped: NDArray[np.bool_]) -> BondGraph:
        """Return the graph without the bonds of some atoms; indices stay as they are.

        Args:
            dropped: (n,) True for atoms that lose their bonds.
        """
        kept = ~dropped[self.pairs].any(axis=1)
        return BondGraph(
            self.positions_A, self.pairs[kept], self.lengths_A[kept], self.strain[kept]
        )


@dataclass(frozen=True, eq=False)
class NearPairs:
    """Atoms near enough to be bonded, before anyone decides."""

    pairs: NDArray[np.int64]
    """(m, 2) first < second."""
    lengths_A: NDArray[np.float64]
    """(m,) their distances, Å."""
    strain: NDArray[np.float64]
    """(m,) distance over the pair's cut-off."""

    def take(self, kept: NDArray[np.bool_]) -> NearPairs:
        """Return some of the pairs.

        Args:
            kept: (m,) True for those that stay.
        """
        return NearPairs(self.pairs[kept], self.lengths_A[kept], self.strain[kept])

    def without(self, dropped: NDArray[np.bool_]) -> NearPairs:
        """Return the pairs that no dropped atom is part of.

        Args:
            dropped: (n,) atoms.
        """
        return self.take(~(dropped[self.pairs[:, 0]] | dropped[self.pairs[:, 1]]))


def covalent_radii(elements: Sequence[str]) -> NDArray[np.float64]:
    """Return the (n,) covalent radii of chemical symbols, Å; unknown ones get a middling value."""
    return _looked_up(elements, COVALENT_RADII_A, UNKNOWN_RADIUS_A)


def find_bonds(positions_A: NDArray[np.float64], elements: Sequence[str]) -> BondGraph:
    """Return the bond graph of atoms seen in projection.

    Args:
        positions_A: (n, 2) [x, y], Å.
        elements: n chemical symbols; ``X`` = unknown.

    Returns:
        The graph; no two bonds cross, of two that would the relatively shorter one stays.
    """
    positions = np.ascontiguousarray(positions_A, dtype=float).reshape(-1, 2)
    return bond_pairs(positions, elements, find_near_pairs(positions, elements))


def bond_pairs(
    positions: NDArray[np.float64], elements: Sequence[str], near: NearPairs
) -> BondGraph:
    """Return the bond graph of atoms whose near pairs are known; see `find_bonds`.

    Args:
        positions: (n, 2) [x, y], Å.
        elements: n chemical symbols; ``X`` = unknown.
        near: From `find_near_pairs`, or part of that.
    """
    pairs = near.pairs
    strain = near.strain / _scale(near, elements)
    firm = (strain <= 1.0) & ~_shortcuts(pairs, strain, elements)
    wanted = _looked_up(elements, WANTED_BONDS, 0).astype(np.int64)
    chosen = firm | _stretched(pairs, strain, firm, wanted)
    bonds = NearPairs(pairs, near.lengths_A, strain).take(chosen)
    bonds = bonds.take(_uncrossed(positions, bonds))
    order = np.lexsort((bonds.pairs[:, 1], bonds.pairs[:, 0]))
    return BondGraph(positions, bonds.pairs[order], bonds.lengths_A[order], bonds.strain[order])


def _looked_up(
    elements: Sequence[str], table: Mapping[str, float], default: float
) -> NDArray[np.float64]:
    """Return (n,) a table's values for chemical symbols."""
    symbols, place = np.unique(np.asarray(elements, dtype=np.str_), return_inverse=True)
    return np.array([table.get(str(e), default) for e in symbols], dtype=float)[place]


def find_near_pairs(positions_A: NDArray[np.float64], elements: Sequence[str]) -> NearPairs:
    """Return the pairs within the widest reach of a bond.

    Args:
        positions_A: (n, 2) [x, y], Å.
        elements: n chemical symbols; ``X`` = unknown.
    """
    if len(positions_A) < 2:
        return NearPairs(np.empty((0, 2), dtype=np.int64), np.empty(0), np.empty(0))
    radii = covalent_radii(elements)
    reach = STRETCHED_FACTOR * SCALE_RANGE[1]
    pairs = cKDTree(positions_A).query_pairs(2 * reach * radii.max(), output_type="ndarray")
    first, second = pairs.T
    lengths = np.hypot(*(positions_A[first] - positions_A[second]).T)
    strain = lengths / (BOND_FACTOR * (radii[first] + radii[second]))
    near = strain <= reach / BOND_FACTOR
    return NearPairs(pairs[near].astype(np.int64), lengths[near], strain[near])


def _scale(near: NearPairs, elements: Sequence[str]) -> float:
    """Return how much too large the measured lattice is, from its median C-C bond."""
    carbon = np.asarray(elements) == "C"
    both = carbon[near.pairs[:, 0]] & carbon[near.pairs[:, 1]]
    bonds = near.lengths_A[(near.strain <= SCALE_RANGE[1]) & both]
    if len(bonds) < SCALE_BONDS:
        return 1.0
    return float(np.clip(np.median(bonds) / CARBON_BOND_A, *SCALE_RANGE))


def find_firm_pairs(near: NearPairs, elements: Sequence[str]) -> NearPairs:
    """Return the pairs within their plain cut-off, however crowded."""
    return near.take((near.strain <= 1.0) & ~_shortcuts(near.pairs, near.strain, elements))


def _shortcuts(
    pairs: NDArray[np.int64], strain: NDArray[np.float64], elements: Sequence[str]
) -> NDArray[np.bool_]:
    """Return which long bonds of a dopant only skip a neighbour it is closer to.

    Silicon's reach is wide enough that noise brings a second neighbour into it; such a bond
    closes a triangle with two shorter ones.
    """
    skipping = np.zeros(len(pairs), dtype=bool)
    foreign = np.asarray(elements) != "C"
    long = np.flatnonzero((strain > SHORTCUT_STRAIN) & (strain <= 1.0) & foreign[pairs].any(axis=1))
    for k in long:
        i, j = pairs[k]
        shorter = strain < strain[k] - SHORTCUT_MARGIN
        around_i = pairs[shorter & (pairs == i).any(axis=1)]
        around_j = pairs[shorter & (pairs == j).any(axis=1)]
        skipping[k] = bool(np.intersect1d(around_i[around_i != i], around_j[around_j != j]).size)
    return skipping


def _stretched(
    pairs: NDArray[np.int64],
    strain: NDArray[np.float64],
    firm: NDArray[np.bool_],
    wanted: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return which over-long pairs become bonds: shortest first, both ends lacking one."""
    lacking = wanted - np.bincount(pairs[firm].ravel(), minlength=len(wanted))
    loose = ~firm & (strain <= STRETCHED_FACTOR / BOND_FACTOR)
    taken = np.zeros(len(pairs), dtype=bool)
    candidates = np.flatnonzero(loose & (lacking[pairs] > 0).all(axis=1))
    for k in candidates[np.argsort(strain[candidates], kind="stable")]:
        i, j = pairs[k]
        if lacking[i] > 0 and lacking[j] > 0:
            taken[k] = True
            lacking[i] -= 1
            lacking[j] -= 1
    return taken


def _uncrossed(positions: NDArray[np.float64], bonds: NearPairs) -> NDArray[np.bool_]:
    """Return which bonds stay so that none cross, dropping the relatively longer of two."""
    pairs, strain = bonds.pairs, bonds.strain
    kept = np.ones(len(pairs), dtype=bool)
    if len(pairs) < 2:
        return kept
    a, b = pairs.T
    middles = 0.5 * (positions[a] + positions[b])
    near = cKDTree(middles).query_pairs(bonds.lengths_A.max(), output_type="ndarray")
    one, two = near.T
    apart = (a[one] != a[two]) & (a[one] != b[two]) & (b[one] != a[two]) & (b[one] != b[two])
    near = near[apart]
    crossing = near[_cross(positions[pairs[near[:, 0]]], positions[pairs[near[:, 1]]])]
    for k, m in crossing[np.argsort(-strain[crossing].max(axis=1), kind="stable")]:
        if kept[k] and kept[m]:
            kept[k if strain[k] > strain[m] else m] = False
    return kept


def _cross(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which of k pairs of segments, each (k, 2 ends, 2 axes), properly intersect."""
    a, b = first[:, 0], first[:, 1]
    c, d = second[:, 0], second[:, 1]
    apart = _side(a, b, c) * _side(a, b, d) < 0
    return apart & (_side(c, d, a) * _side(c, d, b) < 0)


def _side(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return twice the signed area of the triangles a, b, c."""
    ab, ac = b - a, c - a
    return np.asarray(ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0], dtype=float)
