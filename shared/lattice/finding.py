"""A classified defect in Å, and how its probability is put together."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.lattice.view import LatticeView
from shared.messages import DefectType
from shared.units import CARBON_BOND_A

__all__ = ["LatticeDefect", "report", "soundness"]

FIRM_STRAIN: Final = 1.09
"""Strain (length over cut-off) at which a bond is as likely a bond as not: 1.91 Å for C-C."""

STRAIN_WIDTH: Final = 0.03
"""Width of that transition: 0.05 Å for C-C, half the scatter of a poor measurement."""


CRAMPED_SIGMA: Final = 3.5
"""Standard deviations of the frame's C-C bonds by which one may be too short to be a bond: a line
of the scan that slips brings atoms of neighbouring rows so near, and no relaxed defect does."""

CRAMPED_A: Final = (0.9, 1.15)
"""Bounds on that length."""

CRAMPED_WIDTH_A: Final = 0.04

NORMAL_QUARTILE: Final = 0.6745
"""Median absolute deviation of a normal distribution of unit standard deviation."""


@dataclass(frozen=True, slots=True)
class LatticeDefect:
    """A classified group of atoms in the sample's plane."""

    type: DefectType
    x_A: float
    """Mean position of the dopants, or of the atoms of the non-hexagonal rings, Å: within 0.1 Å
    of the vacant site for a reconstructed vacancy, whose ring centroids lie 0.5 Å beside it."""
    y_A: float
    p: float
    """Probability that a defect of this type is there, 0..1."""
    atoms: tuple[int, ...]
    """The caller's indices of the dopants, or of the members of the odd rings, ascending."""
    path_A: tuple[tuple[float, float], ...] | None = None
    """(x, y) vertices of an extended defect (`GB`, `edge`, `hole`), Å."""


def report(
    view: LatticeView,
    kind: DefectType,
    atoms: Sequence[int],
    *,
    clean: float = 1.0,
    centre_A: NDArray[np.float64] | None = None,
    path_A: NDArray[np.float64] | None = None,
) -> LatticeDefect:
    """Return a defect in the caller's terms.

    A point defect is as sure as its weakest member; an extended one stands without any one atom
    and is as sure as its members are on average.

    Args:
        view: The surveyed sheet.
        kind: Defect class.
        atoms: Members, numbered as in the view.
        clean: Factor on the members' probability, 0..1.
        centre_A: (2,) [x, y]; the members' mean where not given.
        path_A: (k, 2) [x, y] vertices of an extended defect.
    """
    members = np.unique(np.asarray(atoms, dtype=np.int64))
    chances = view.p[members]
    there = chances.min() if path_A is None else chances.mean()
    x, y = view.positions_A[members].mean(axis=0) if centre_A is None else centre_A
    path = None if path_A is None else tuple((float(px), float(py)) for px, py in path_A)
    return LatticeDefect(
        type=kind,
        x_A=float(x),
        y_A=float(y),
        p=float(np.clip(there * clean, 0.0, 1.0)),
        atoms=tuple(view.index[members].tolist()),
        path_A=path,
    )


def soundness(
    view: LatticeView,
    atoms: Sequence[int],
    optional: AbstractSet[frozenset[int]] = frozenset(),
    *,
    torn: bool = False,
) -> float:
    """Return how surely the bonds among some atoms are bonds, 0..1, from the most strained one.

    Args:
        view: The surveyed sheet.
        atoms: Numbered as in the view.
        optional: Bonds that the class does not rest on, as pairs of atoms.
        torn: A slipped line of the scan looks like that, too: ask the shortest bond of carbons.
    """
    member = np.zeros(len(view.p), dtype=bool)
    member[np.asarray(atoms, dtype=np.int64)] = True
    inner: NDArray[np.bool_] = np.asarray(member[view.graph.pairs].all(axis=1))
    strain = view.graph.strain[inner]
    if optional:
        needed = [frozenset(pair) not in optional for pair in view.graph.pairs[inner].tolist()]
        strain = strain[needed]
    worst = float(strain.max(initial=0.0))
    long = float(1.0 / (1.0 + np.exp((worst - FIRM_STRAIN) / STRAIN_WIDTH)))
    return long * _untorn(view, inner) if torn else long


def _untorn(view: LatticeView, inner: NDArray[np.bool_]) -> float:
    """Return how surely no line of the scan slipped among some bonds, 0..1."""
    carbon = view.carbon_bonds_A
    shortest = float(carbon[inner].min(initial=CARBON_BOND_A))
    spread = np.median(np.abs(carbon - CARBON_BOND_A)) / NORMAL_QUARTILE if len(carbon) else 0.0
    cramped = float(np.clip(CARBON_BOND_A - CRAMPED_SIGMA * spread, *CRAMPED_A))
    return float(1.0 / (1.0 + np.exp((cramped - shortest) / CRAMPED_WIDTH_A)))
