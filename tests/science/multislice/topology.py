"""Carbon sheets as graphs: a honeycomb and the edits that make each defect, bonds first.

Positions that an edit leaves are only rough; `relaxation` gives them physical bonds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial import cKDTree

from .arrays import Bools, Floats, Ints

CC_A = 1.42
CARBON, SILICON = 6, 14
JAHN_TELLER = (1.95, 0.06)
PENTAGON = (1.75, 0.4)
"""Rest length in Å and relative stiffness of the bonds that close V1 and V2."""
SI_LATERAL_A = 1.3
"""Distance of each silicon of a trimer from its middle, about 2.3 Å / √3."""


@dataclass
class Sheet:
    """A sheet under construction: atoms, bonds, and which atoms are still there.

    Attributes:
        box_A: Side of the square box.
        positions_A: (n, 3).
        numbers: (n,).
        bonds: Pairs of indices, each with the smaller first.
        weak: Bond → rest length and relative stiffness, for those that are no ordinary ones.
        hole: Raster of what lies outside the sheet, see `specimen.Specimen`.
    """

    box_A: float
    positions_A: Floats
    numbers: Ints
    bonds: set[tuple[int, int]]
    weak: dict[tuple[int, int], tuple[float, float]] = field(default_factory=dict)
    hole: Bools = field(default_factory=lambda: np.zeros((0, 0), bool))

    def neighbours(self, i: int) -> list[int]:
        """Atoms bonded to atom `i`."""
        return sorted(
            {*(b for a, b in self.bonds if a == i), *(a for a, b in self.bonds if b == i)}
        )

    def bind(self, i: int, j: int) -> None:
        """Add a bond."""
        self.bonds.add((min(i, j), max(i, j)))

    def cut(self, i: int, j: int) -> None:
        """Break a bond."""
        self.bonds.discard((min(i, j), max(i, j)))

    def isolate(self, *atoms: int) -> None:
        """Break every bond of these atoms; `compact` then drops them."""
        gone = set(atoms)
        self.bonds = {bond for bond in self.bonds if not gone & set(bond)}
        self.numbers[list(atoms)] = 0

    def add(self, xyz_A: Floats, number: int) -> int:
        """Add an unbonded atom and return its index."""
        self.positions_A = np.vstack([self.positions_A, xyz_A])
        self.numbers = np.append(self.numbers, number)
        return len(self.numbers) - 1

    def compact(self) -> Sheet:
        """Drop isolated atoms and number the others anew."""
        kept = np.flatnonzero(self.numbers > 0)
        new = {int(old): k for k, old in enumerate(kept)}
        bonds = {(new[a], new[b]) for a, b in self.bonds}
        weak = {(new[a], new[b]): how for (a, b), how in self.weak.items() if (a, b) in self.bonds}
        return replace(
            self,
            positions_A=self.positions_A[kept],
            numbers=self.numbers[kept],
            bonds=bonds,
            weak=weak,
        )

    def nearest(self, xy_A: Floats) -> int:
        """The three-fold carbon nearest to a point."""
        xy = self.positions_A[:, :2].copy()
        xy[self.numbers != CARBON] = np.inf
        order = np.argsort(((xy - xy_A) ** 2).sum(axis=1))
        return next(int(i) for i in order if len(self.neighbours(int(i))) == 3)


def honeycomb(box_A: float, rng: np.random.Generator, angle_rad: float | None = None) -> Sheet:
    """A flat honeycomb at a random offset and angle that fills the box and a little more."""
    angle = rng.uniform(0, np.pi / 3) if angle_rad is None else angle_rad
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    a1 = np.array([np.sqrt(3) * CC_A, 0.0])
    a2 = np.array([np.sqrt(3) / 2 * CC_A, 1.5 * CC_A])
    reach = int(box_A / CC_A)
    i, j = np.meshgrid(np.arange(-reach, reach), np.arange(-reach, reach))
    cells = i.reshape(-1, 1) * a1 + j.reshape(-1, 1) * a2
    xy = np.concatenate([cells, cells + (a1 + a2) / 3]) + rng.uniform(0, 2.4, 2)
    xy = xy @ turn + box_A / 2
    xy = xy[((xy > -CC_A) & (xy < box_A + CC_A)).all(axis=1)]
    positions = np.column_stack([xy, np.zeros(len(xy))])
    bonds = {(int(a), int(b)) for a, b in cKDTree(xy).query_pairs(1.2 * CC_A)}
    return Sheet(box_A, positions, np.full(len(xy), CARBON), bonds)


def substitute(sheet: Sheet, i: int, number: int) -> None:
    """Replace an atom; its bonds stay."""
    sheet.numbers[i] = number


def vacancy(sheet: Sheet, i: int) -> None:
    """Take one atom out; two of its neighbours close a long, weak bond (Jahn-Teller)."""
    first, second, _ = sheet.neighbours(i)
    sheet.isolate(i)
    sheet.bind(first, second)
    sheet.weak[first, second] = JAHN_TELLER


def divacancy(sheet: Sheet, i: int, j: int) -> tuple[list[int], list[int]]:
    """Take a bonded pair out and close a pentagon on either side: 5-8-5.

    Returns:
        The two atoms on i's side and the two on j's side.
    """
    left = [k for k in sheet.neighbours(i) if k != j]
    right = [k for k in sheet.neighbours(j) if k != i]
    sheet.isolate(i, j)
    for pair in (left, right):
        sheet.bind(*pair)
        sheet.weak[min(pair), max(pair)] = PENTAGON
    return left, right


def rotate_bond(sheet: Sheet, i: int, j: int) -> None:
    """Rotate a bond by 90° (Stone-Wales)."""
    p = sheet.positions_A
    middle, axis = (p[i] + p[j]) / 2, p[j] - p[i]
    across = np.array([-axis[1], axis[0], 0.0])
    across /= np.linalg.norm(across)
    above_j = max(
        (k for k in sheet.neighbours(j) if k != i), key=lambda k: (p[k] - middle) @ across
    )
    below_i = min(
        (k for k in sheet.neighbours(i) if k != j), key=lambda k: (p[k] - middle) @ across
    )
    sheet.cut(i, below_i)
    sheet.cut(j, above_j)
    sheet.bind(i, above_j)
    sheet.bind(j, below_i)
    p[i], p[j] = middle + 0.7 * across, middle - 0.7 * across


def triple_divacancy(sheet: Sheet, i: int, j: int) -> None:
    """555-777: a divacancy with one bond of its octagon rotated."""
    left, right = divacancy(sheet, i, j)
    for pair in (left, right):
        del sheet.weak[min(pair), max(pair)]
    for a in left:
        for e in sheet.neighbours(a):
            for f in sheet.neighbours(e):
                if set(sheet.neighbours(f)) & set(right) and f not in right and e not in left:
                    rotate_bond(sheet, e, f)
                    return


def silicon_in_divacancy(sheet: Sheet, i: int, j: int) -> None:
    """Si_C4: one silicon in the place of two carbons, bonded to all four neighbours."""
    middle = (sheet.positions_A[i] + sheet.positions_A[j]) / 2
    left, right = divacancy(sheet, i, j)
    sheet.cut(*left)
    sheet.cut(*right)
    silicon = sheet.add(middle, SILICON)
    for k in (*left, *right):
        sheet.bind(silicon, k)


def silicon_trimer(sheet: Sheet, i: int) -> None:
    """Si3C6: a triangle of silicon in the hole of an atom and its three neighbours."""
    middle = sheet.positions_A[i].copy()
    around = sheet.neighbours(i)
    outer = {k: [m for m in sheet.neighbours(k) if m != i] for k in around}
    toward = {k: sheet.positions_A[k] - middle for k in around}
    sheet.isolate(i, *around)
    silicons = []
    for k in around:
        unit = toward[k] / np.linalg.norm(toward[k])
        silicon = sheet.add(middle + SI_LATERAL_A * unit, SILICON)
        for m in outer[k]:
            sheet.bind(silicon, m)
        silicons.append(silicon)
    for a, b in ((0, 1), (1, 2), (0, 2)):
        sheet.bind(silicons[a], silicons[b])


def remove_inside(sheet: Sheet, inside: Bools) -> Sheet:
    """Cut a hole: drop the atoms of a mask (n,), then whatever hangs by fewer than two bonds."""
    before = np.array([len(sheet.neighbours(i)) for i in range(len(sheet.numbers))])
    sheet.isolate(*np.flatnonzero(inside).tolist())
    while True:
        degree = np.bincount(np.array(list(sheet.bonds)).ravel(), minlength=len(sheet.numbers))
        loose = np.flatnonzero((sheet.numbers > 0) & (degree < 2) & (before >= 2))
        if not len(loose):
            return sheet.compact()
        sheet.isolate(*loose.tolist())
