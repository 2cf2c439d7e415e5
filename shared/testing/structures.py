"""Graphene with one known defect: the truth that classifiers and dispatchers are tested on.

Every builder of `DEFECTS` returns a `PlanarStructure` whose defect lies near the middle of its
box. `displaced`, `transformed`, `permuted` and `thinned` then make it as bad as a measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.messages import DefectType
from shared.testing.bicrystal import bicrystal
from shared.testing.sheet import Sheet, flat_sheet

__all__ = [
    "DEFECTS",
    "PlanarStructure",
    "adatom",
    "divacancy_585",
    "divacancy_555777",
    "edge",
    "grain_boundary",
    "graphene",
    "hole",
    "silicon_cluster",
    "silicon_edge",
    "silicon_fourfold",
    "stone_wales",
    "substituted",
    "vacancy",
]

SIZE_A: Final = (30.0, 30.0)
"""Default box: about 340 atoms, four hexagons between a point defect and the border."""

ANGLE_DEG: Final = 7.0
"""Default rotation: no bond along an axis, as in any real frame."""


@dataclass(frozen=True, eq=False)
class PlanarStructure:
    """Atoms of a known structure within a box."""

    positions_A: NDArray[np.float64]
    """(n, 2) [x, y] from a corner of the box, Å."""
    elements: tuple[str, ...]
    bounds: tuple[float, float]
    """(width, height) of the box, Å."""
    centre_A: tuple[float, float]
    """(x, y) of the defect, Å; of the box where there is none."""

    @property
    def p(self) -> NDArray[np.float64]:
        """(n,) certainty: every atom is there."""
        return np.ones(len(self.elements))

    def displaced(self, sigma_A: float, seed: int = 0) -> PlanarStructure:
        """Return the structure with Gaussian displacements of every atom (Å, per axis)."""
        noise = np.random.default_rng(seed).normal(0.0, sigma_A, self.positions_A.shape)
        return replace(self, positions_A=self.positions_A + noise)

    def transformed(self, angle_deg: float, *, mirror: bool = False) -> PlanarStructure:
        """Return the structure rotated about the defect, mirrored first in x where asked."""
        centre = np.asarray(self.centre_A)
        offsets = (self.positions_A - centre) * ((-1.0, 1.0) if mirror else (1.0, 1.0))
        cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
        turned = offsets @ np.array([[cos, sin], [-sin, cos]]) + centre
        return replace(self, positions_A=turned)

    def permuted(self, seed: int) -> PlanarStructure:
        """Return the structure with its atoms listed in another order."""
        return self.subset(np.random.default_rng(seed).permutation(len(self.elements)))

    def thinned(self, share: float, seed: int = 0) -> PlanarStructure:
        """Return the structure with a random share of its atoms missing."""
        kept = np.random.default_rng(seed).random(len(self.elements)) >= share
        return self.subset(np.flatnonzero(kept))

    def subset(self, atoms: NDArray[np.int64]) -> PlanarStructure:
        """Return the structure with only some atoms, in the order given."""
        symbols = tuple(self.elements[i] for i in atoms.tolist())
        return replace(self, positions_A=self.positions_A[atoms], elements=symbols)


def graphene(
    size_A: tuple[float, float] = SIZE_A, *, angle_deg: float = ANGLE_DEG
) -> PlanarStructure:
    """Return a pristine sheet filling its box."""
    return _boxed(flat_sheet(size_A, angle_deg), size_A)


def vacancy(*, reconstructed: bool = True) -> PlanarStructure:
    """Return a single vacancy: 5-9 with one closed bond, or the bare 12-ring."""
    sheet, atom = _sheet_and_atom()
    first, second, _ = sheet.neighbours(atom)
    if not reconstructed:
        return _boxed(sheet.without([atom]), SIZE_A, sheet.positions_A[atom])
    closed = sheet.joined((first, second)).without([atom]).relaxed()
    return _boxed(closed, SIZE_A, sheet.positions_A[atom])


def divacancy_585() -> PlanarStructure:
    """Return a divacancy whose four dangling atoms closed two bonds."""
    sheet, first, second = _divacancy()
    return _boxed(sheet.without([first, second]).relaxed(), SIZE_A)


def divacancy_555777() -> PlanarStructure:
    """Return the 5-8-5 divacancy after rotating one bond of its octagon."""
    sheet, first, second = _divacancy()
    start, end = _octagon_bond(sheet, first, second)
    start, end = (a - sum(gone < a for gone in (first, second)) for a in (start, end))
    cut = sheet.without([first, second]).relaxed()
    return _boxed(cut.rotated_bond(start, end).relaxed(), SIZE_A)


def stone_wales(*, relaxed: bool = True) -> PlanarStructure:
    """Return a bond rotated by 90 degrees, before or after the sheet relaxed around it."""
    sheet, atom = _sheet_and_atom()
    turned = sheet.rotated_bond(atom, sheet.bond_along(atom))
    centre = turned.positions_A[[atom, sheet.bond_along(atom)]].mean(axis=0)
    return _boxed(turned.relaxed() if relaxed else turned, SIZE_A, centre)


def substituted(element: str) -> PlanarStructure:
    """Return one foreign atom in place of one carbon."""
    sheet, atom = _sheet_and_atom()
    changed = sheet.replaced({atom: element}).relaxed()
    return _boxed(changed, SIZE_A, changed.positions_A[atom])


def silicon_fourfold() -> PlanarStructure:
    """Return one silicon in a divacancy, bonded to four carbons."""
    sheet, atom = _sheet_and_atom()
    partner = sheet.bond_along(atom)
    arms = {*sheet.neighbours(atom), *sheet.neighbours(partner)} - {atom, partner}
    x, y = sheet.positions_A[[atom, partner]].mean(axis=0)
    silicon = len(sheet.elements)
    filled = sheet.with_atom((float(x), float(y)), "Si").joined(
        *((a, silicon) for a in sorted(arms))
    )
    return _boxed(filled.without([atom, partner]).relaxed(), SIZE_A, np.array([x, y]))


def silicon_cluster(count: int) -> PlanarStructure:
    """Return two, three or four silicon atoms bonded to each other.

    Two replace neighbouring carbons; three stand around a vacancy (Si3C6); four replace an atom
    and its neighbours (Si4C6).
    """
    sheet, atom = _sheet_and_atom()
    around = sheet.neighbours(atom)
    if count == 2:
        changed = sheet.replaced(dict.fromkeys((atom, around[0]), "Si"))
    elif count == 3:
        ring = ((around[0], around[1]), (around[1], around[2]), (around[0], around[2]))
        triangle = sheet.replaced(dict.fromkeys(around, "Si")).joined(*ring)
        changed = triangle.without([atom])
    else:
        changed = sheet.replaced(dict.fromkeys((atom, *around), "Si"))
    changed = changed.relaxed()
    silicon = [i for i, e in enumerate(changed.elements) if e == "Si"]
    return _boxed(changed, SIZE_A, changed.positions_A[silicon].mean(axis=0))


def hole(radius_A: float = 5.0) -> PlanarStructure:
    """Return a sheet with a round hole in it."""
    sheet, atom = _sheet_and_atom()
    distance = np.hypot(*(sheet.positions_A - sheet.positions_A[atom]).T)
    cut = sheet.without(np.flatnonzero(distance < radius_A).tolist()).pruned()
    return _boxed(cut, SIZE_A, sheet.positions_A[atom])


def edge() -> PlanarStructure:
    """Return a sheet that ends in the middle of its box (right half empty)."""
    return _boxed(_half_sheet(), SIZE_A)


def silicon_edge() -> PlanarStructure:
    """Return an edge with one of its two-coordinated carbons replaced by silicon."""
    sheet = _half_sheet()
    offset = np.hypot(*(sheet.positions_A - np.asarray(SIZE_A) / 2).T)
    atom = int(np.argmin(np.where(sheet.degrees == 2, offset, np.inf)))
    changed = sheet.replaced({atom: "Si"}).relaxed()
    return _boxed(changed, SIZE_A, changed.positions_A[atom])


def adatom(element: str = "C", *, over: str = "bond") -> PlanarStructure:
    """Return a sheet with one atom on it, over a bond or over a hexagon's centre."""
    sheet, atom = _sheet_and_atom()
    partner = sheet.bond_along(atom)
    x, y = sheet.positions_A[[atom, partner]].mean(axis=0)
    if over == "hexagon":
        x, y = SIZE_A[0] / 2, SIZE_A[1] / 2
    return _boxed(sheet.with_atom((float(x), float(y)), element), SIZE_A, np.array([x, y]))


def grain_boundary(misorientation_deg: float = 21.8) -> PlanarStructure:
    """Return two grains meeting along the middle of the box in a row of 5-7 pairs."""
    sheet = bicrystal((40.0, 40.0), misorientation_deg)
    return _boxed(sheet, (40.0, 40.0))


DEFECTS: Final[Mapping[DefectType, Callable[[], PlanarStructure]]] = {
    "V1": vacancy,
    "V2_585": divacancy_585,
    "V_555777": divacancy_555777,
    "SW_5577": stone_wales,
    "Si_C3": partial(substituted, "Si"),
    "Si_C4": silicon_fourfold,
    "Si_edge": silicon_edge,
    "Si_dimer": partial(silicon_cluster, 2),
    "Si_trimer": partial(silicon_cluster, 3),
    "Si_tetramer": partial(silicon_cluster, 4),
    "sub_B": partial(substituted, "B"),
    "sub_N": partial(substituted, "N"),
    "sub_O": partial(substituted, "O"),
    "GB": grain_boundary,
    "edge": edge,
    "hole": hole,
    "adatom": adatom,
}
"""A builder for every defect class that has a definite structure (all but `unknown`)."""


def _sheet_and_atom() -> tuple[Sheet, int]:
    """Return the default sheet and its atom nearest to the middle."""
    sheet = flat_sheet(SIZE_A, ANGLE_DEG)
    return sheet, sheet.nearest((SIZE_A[0] / 2, SIZE_A[1] / 2))


def _half_sheet() -> Sheet:
    """Return the default sheet without its right half."""
    sheet = flat_sheet(SIZE_A, ANGLE_DEG)
    right = np.flatnonzero(sheet.positions_A[:, 0] > SIZE_A[0] / 2).tolist()
    return sheet.without(right).pruned()


def _divacancy() -> tuple[Sheet, int, int]:
    """Return a sheet with the bonds of a 5-8-5 closed, and the two atoms to take out."""
    sheet, first = _sheet_and_atom()
    second = sheet.bond_along(first)
    closing = []
    for atom, other in ((first, second), (second, first)):
        a, b = (n for n in sheet.neighbours(atom) if n != other)
        closing.append((a, b))
    return sheet.joined(*closing), first, second


def _octagon_bond(sheet: Sheet, first: int, second: int) -> tuple[int, int]:
    """Return the bond beside a divacancy that joins an arm of one side to one of the other."""
    near, far = (set(sheet.neighbours(a)) - {first, second} for a in (first, second))
    taken = near | far | {first, second}
    around_near = {n for arm in near for n in sheet.neighbours(arm)} - taken
    around_far = {n for arm in far for n in sheet.neighbours(arm)} - taken
    return next(pair for pair in sorted(sheet.bonds) if _joins(pair, around_near, around_far))


def _joins(pair: tuple[int, int], one: set[int], other: set[int]) -> bool:
    """Return whether a bond leads from one set of atoms to another."""
    a, b = pair
    return (a in one and b in other) or (b in one and a in other)


def _boxed(
    sheet: Sheet, size_A: tuple[float, float], centre: NDArray[np.float64] | None = None
) -> PlanarStructure:
    """Return a sheet as a structure in its box."""
    x, y = (size_A[0] / 2, size_A[1] / 2) if centre is None else centre
    return PlanarStructure(sheet.positions_A, sheet.elements, size_A, (float(x), float(y)))
