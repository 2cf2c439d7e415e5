"""A sheet of graphene as a graph that can be operated on: cut, switched, relaxed.

Defects are made the way nature's are described: by taking atoms out, closing bonds, and rotating
bonds. Topology and geometry are kept apart: an operation changes the bonds, `relaxed` then finds
positions for them by springs. Knows nothing of `shared.lattice`, which is tested against it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from shared.units import CARBON_BOND_A, GRAPHENE_LATTICE_A

__all__ = ["Sheet", "flat_sheet", "spring_pull"]

BOND_A: Final[Mapping[frozenset[str], float]] = {
    frozenset({"C"}): CARBON_BOND_A,
    frozenset({"C", "Si"}): 1.80,
    frozenset({"Si"}): 2.30,
}
"""Spring lengths, Å: graphene; Si-C and Si-Si as they are in silicon clusters in graphene."""

STIFFNESS: Final = 0.25
"""Step along a spring's elongation; below 1/3 the relaxation of a 3-coordinated net is stable."""

BENDING: Final = 0.05
"""The same for second neighbours, which stand for angles."""

STEPS: Final = 400
"""Relaxation steps; displacements have died below 0.001 Å by then."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """Atoms in the plane and the bonds meant between them."""

    positions_A: NDArray[np.float64]
    """(n, 2) [x, y], Å."""
    elements: tuple[str, ...]
    bonds: frozenset[tuple[int, int]]
    """(first < second)."""

    @property
    def degrees(self) -> NDArray[np.int64]:
        """(n,) number of bonds of each atom."""
        ends = np.array(sorted(self.bonds), dtype=np.int64).ravel()
        return np.bincount(ends, minlength=len(self.elements))

    def neighbours(self, atom: int) -> tuple[int, ...]:
        """Return the atoms bonded to one, ascending."""
        return tuple(sorted({a + b - atom for a, b in self.bonds if atom in (a, b)}))

    def nearest(self, at_A: tuple[float, float]) -> int:
        """Return the atom nearest to a point (x, y), Å."""
        return int(np.argmin(np.hypot(*(self.positions_A - at_A).T)))

    def bond_along(self, atom: int, direction: tuple[float, float] = (1.0, 0.0)) -> int:
        """Return the neighbour of an atom that lies most along a direction."""
        around = self.neighbours(atom)
        rays = self.positions_A[list(around)] - self.positions_A[atom]
        return around[int(np.argmax(rays @ direction))]

    def without(self, atoms: Iterable[int]) -> Sheet:
        """Return the sheet with atoms taken out, the others renumbered in order."""
        gone = frozenset(atoms)
        kept = [i for i in range(len(self.elements)) if i not in gone]
        number = {old: new for new, old in enumerate(kept)}
        bonds = {(number[a], number[b]) for a, b in self.bonds if a in number and b in number}
        return Sheet(
            self.positions_A[kept], tuple(self.elements[i] for i in kept), frozenset(bonds)
        )

    def pruned(self) -> Sheet:
        """Return the sheet without atoms that hang on one bond or none."""
        sheet = self
        while True:
            hanging = np.flatnonzero(sheet.degrees < 2).tolist()
            if not hanging:
                return sheet
            sheet = sheet.without(hanging)

    def joined(self, *pairs: tuple[int, int]) -> Sheet:
        """Return the sheet with further bonds."""
        return replace(self, bonds=self.bonds | {_ordered(a, b) for a, b in pairs})

    def replaced(self, elements: Mapping[int, str]) -> Sheet:
        """Return the sheet with other elements at some atoms."""
        symbols = tuple(elements.get(i, e) for i, e in enumerate(self.elements))
        return replace(self, elements=symbols)

    def with_atom(self, at_A: tuple[float, float], element: str) -> Sheet:
        """Return the sheet with one more atom, last, bonded to nobody."""
        positions = np.vstack([self.positions_A, at_A])
        return Sheet(positions, (*self.elements, element), self.bonds)

    def rotated_bond(self, first: int, second: int) -> Sheet:
        """Return the sheet with one bond turned by 90 degrees (Stone-Wales transformation)."""
        positions = self.positions_A.copy()
        middle = positions[[first, second]].mean(axis=0)
        arm = positions[first] - middle
        turned = np.array([-arm[1], arm[0]])
        positions[first], positions[second] = middle + turned, middle - turned
        ends = {*self.neighbours(first), *self.neighbours(second)} - {first, second}
        by_side = sorted(sorted(ends), key=lambda a: float((positions[a] - middle) @ turned))
        bonds = {bond for bond in self.bonds if first not in bond and second not in bond}
        bonds |= {_ordered(first, second)}
        bonds |= {_ordered(second, a) for a in by_side[:2]}
        bonds |= {_ordered(first, a) for a in by_side[2:]}
        return Sheet(positions, self.elements, frozenset(bonds))

    def relaxed(self) -> Sheet:
        """Return the sheet with positions that suit its bonds (springs, deterministic)."""
        positions = self.positions_A.copy()
        bonds = np.array(sorted(self.bonds), dtype=np.int64).reshape(-1, 2)
        lengths = np.array([self._rest(a, b) for a, b in bonds.tolist()])
        spans = self._second_neighbours()
        seconds = np.array(sorted(spans), dtype=np.int64).reshape(-1, 2)
        spread = np.array([spans[a, b] for a, b in seconds.tolist()])
        for _ in range(STEPS):
            step = spring_pull(positions, bonds, lengths) * STIFFNESS
            positions = positions + step + spring_pull(positions, seconds, spread) * BENDING
        return replace(self, positions_A=positions)

    def _rest(self, a: int, b: int) -> float:
        """Return the spring length of a bond, Å."""
        return BOND_A.get(frozenset({self.elements[a], self.elements[b]}), CARBON_BOND_A)

    def _second_neighbours(self) -> dict[tuple[int, int], float]:
        """Return the distances, at 120 degrees, of atoms that share a neighbour but no bond, Å."""
        around: dict[int, list[int]] = {}
        for a, b in self.bonds:
            around.setdefault(a, []).append(b)
            around.setdefault(b, []).append(a)
        spans = {
            (a, b): math.sqrt(3) / 2 * (self._rest(a, centre) + self._rest(centre, b))
            for centre, ring in around.items()
            for a in ring
            for b in ring
            if a < b and (a, b) not in self.bonds
        }
        return dict(sorted(spans.items()))


def flat_sheet(size_A: tuple[float, float], angle_deg: float = 0.0) -> Sheet:
    """Return pristine graphene covering a box, one hexagon's centre at the box's centre.

    Args:
        size_A: (width, height) of the box, Å.
        angle_deg: Rotation; at 0 a bond direction lies along x.
    """
    middle = np.asarray(size_A) / 2
    reach = int(np.hypot(*size_A) / GRAPHENE_LATTICE_A) + 3
    i, j = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    root = np.sqrt(3) / 2
    corners = GRAPHENE_LATTICE_A * np.stack([root * (i + j), 0.5 * (i - j)], axis=1)
    shifts = (np.array([CARBON_BOND_A, 0.0]), np.array([-CARBON_BOND_A, 0.0]))
    points = np.concatenate([corners + shift for shift in shifts])
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    points = points @ np.array([[cos, sin], [-sin, cos]]) + middle
    points = points[((points > 0) & (points < size_A)).all(axis=1)]
    return Sheet(points, ("C",) * len(points), frozenset(_close_pairs(points)))


def _close_pairs(points: NDArray[np.float64]) -> set[tuple[int, int]]:
    """Return pairs within a stretched C-C bond of a perfect lattice."""
    return set(cKDTree(points).query_pairs(1.1 * CARBON_BOND_A))


def spring_pull(
    positions: NDArray[np.float64], pairs: NDArray[np.int64], rest: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (n, 2) sums of the elongations of the springs at each atom, Å."""
    rays = positions[pairs[:, 1]] - positions[pairs[:, 0]]
    stretch = rays * (1.0 - rest / np.hypot(*rays.T))[:, None]
    ends = np.concatenate([pairs[:, 0], pairs[:, 1]])
    both = np.concatenate([stretch, -stretch])
    count = len(positions)
    return np.stack([np.bincount(ends, axis, minlength=count) for axis in both.T], axis=1)


def _ordered(a: int, b: int) -> tuple[int, int]:
    """Return two atoms with the smaller number first."""
    return (a, b) if a < b else (b, a)
