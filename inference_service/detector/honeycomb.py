"""How much the found atoms look like graphene's honeycomb, from their places and brightness alone.

A network that knows only graphene sees graphene everywhere; the fit does not. Away from rims a
carbon atom of graphene has three neighbours at 1.42 Å, 120° apart, and its two sublattices are
equally bright. A honeycomb of two elements (boron nitride, molybdenum disulphide) passes the first
test at the right pixel size and fails the second; dumbbells, squares and dirt fail the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from shared.units import GRAPHENE_LATTICE_A

__all__ = ["BOND_A", "Honeycomb", "examine"]

FloatArray = NDArray[np.float64]

BOND_A: Final = GRAPHENE_LATTICE_A / np.sqrt(3.0)
"""Graphene's bond."""
BOND_LIMIT_A: Final = 1.8
"""Neighbours lie within this: between the first (1.42 Å) and second (2.46 Å) shell."""
SHELL_A: Final = 2.9
"""Contains the first two shells of graphene, nine atoms."""
WHOLE_SHELL: Final = 6
"""Atoms in it from which an atom is not at a rim."""
BORDER_A: Final = 2.0
"""Atoms nearer than this to the frame's border have neighbours beyond it."""
REGULAR: Final = 0.6
"""Least length of the mean of exp(3i angle) over three bonds: 1 for 120°, 0.33 by chance."""
FEWEST: Final = 12
"""Fewest atoms that a share or a brightness is taken from."""
WHOLE_SHARE: Final = 0.25
"""Least share of whole surroundings for the share to be taken among them alone."""
ALIGNED: Final = 0.3
"""Least agreement of the bonds' directions for atoms to be told apart by sublattice."""
MEDIAN_ERROR: Final = 1.25
"""Standard error of a median over that of a mean."""
DOUBT: Final = 1.5
"""Standard errors taken off the difference of the sublattices."""


@dataclass(frozen=True)
class Honeycomb:
    """What the atoms' arrangement says."""

    threefold: float
    """Share of the atoms away from rims that have three neighbours 120° apart."""
    bond_A: float
    """Median distance of neighbours, Å; nan where no atom has one."""
    asymmetry: float
    """Difference of the sublattices' brightness over their sum, less its uncertainty; 0 and up."""


@dataclass(frozen=True)
class Bonds:
    """Neighbours of each atom."""

    degree: NDArray[np.intp]
    """(n,) neighbours within `BOND_LIMIT_A`."""
    whole: NDArray[np.bool_]
    """(n,) atoms away from rims."""
    star: NDArray[np.complex128]
    """(n,) sum of exp(3i angle) over the bonds: opposite for the two sublattices."""
    length_A: float
    """Median bond length."""

    @property
    def regular(self) -> NDArray[np.bool_]:
        """(n,) atoms with three neighbours 120° apart."""
        return np.asarray((self.degree == 3) & (np.abs(self.star) > 3 * REGULAR))


def examine(
    xy_A: FloatArray, brightness: FloatArray, sigma: FloatArray, size_A: tuple[float, float]
) -> Honeycomb | None:
    """Compare atoms with graphene.

    Args:
        xy_A: (n, 2) fitted positions, x and y, of atoms that are not under dirt.
        brightness: (n,) fitted, any unit.
        sigma: (n,) its standard error.
        size_A: Width and height of the frame.

    Returns:
        The comparison, None where too few atoms lie away from the border.
    """
    inner = ((xy_A > BORDER_A) & (xy_A < np.array(size_A) - BORDER_A)).all(axis=1)
    if inner.sum() < FEWEST:
        return None
    bonds = bonds_of(xy_A)
    whole = inner & bonds.whole
    judged = whole if whole.sum() >= max(FEWEST, WHOLE_SHARE * len(xy_A)) else inner
    return Honeycomb(
        threefold=float(bonds.regular[judged].mean()),
        bond_A=bonds.length_A,
        asymmetry=asymmetry(bonds, brightness, sigma),
    )


def bonds_of(xy_A: FloatArray) -> Bonds:
    """Find every atom's neighbours."""
    n = len(xy_A)
    i, j = cKDTree(xy_A).query_pairs(SHELL_A, output_type="ndarray").T
    step = xy_A[j] - xy_A[i]
    length = np.hypot(step[:, 0], step[:, 1])
    shell = np.bincount(i, minlength=n) + np.bincount(j, minlength=n)
    bond = length < BOND_LIMIT_A
    i, j = i[bond], j[bond]
    turn = np.exp(3j * np.arctan2(step[bond, 1], step[bond, 0]))
    star = np.zeros(n, dtype=np.complex128)
    np.add.at(star, i, turn)
    np.add.at(star, j, -turn)
    return Bonds(
        degree=np.bincount(i, minlength=n) + np.bincount(j, minlength=n),
        whole=shell >= WHOLE_SHELL,
        star=star,
        length_A=float(np.median(length[bond])) if bond.any() else float("nan"),
    )


def asymmetry(bonds: Bonds, brightness: FloatArray, sigma: FloatArray) -> float:
    """Difference of the sublattices' median brightness over their sum, beyond its uncertainty.

    The two are told apart by which way an atom's bonds point, hence in one orientation only: the
    smaller of two grains says nothing. Medians let dopants say nothing either.
    """
    used = bonds.regular
    if used.sum() < FEWEST:
        return 0.0
    star = bonds.star[used] / np.abs(bonds.star[used])
    axis = np.mean(star**2)
    if np.abs(axis) < ALIGNED:
        return 0.0
    first = (star * np.exp(-0.5j * np.angle(axis))).real > 0
    if min(first.sum(), (~first).sum()) < FEWEST // 3:
        return 0.0
    a, b = np.median(brightness[used][first]), np.median(brightness[used][~first])
    error = MEDIAN_ERROR * np.sqrt(2.0 * np.mean(sigma[used] ** 2) / used.sum()) / np.median([a, b])
    return max(0.0, float(abs(a - b) / (a + b) - DOUBT * error))
