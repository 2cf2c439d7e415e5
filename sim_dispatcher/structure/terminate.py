"""Hydrogen where the cut went through bonds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.errors import StructureError
from shared.lattice import BondGraph, find_rings
from sim_dispatcher.structure.checks import close_pairs

__all__ = ["CH_BOND_A", "CLASH_A", "IMPOSSIBLE_A", "Caps", "capped", "placed_caps"]

Array: TypeAlias = NDArray[np.float64]

CH_BOND_A: Final = 1.09
"""C-H bond on an sp2 carbon, Å (benzene 1.084 Å; 1.09 Å is the paper's relaxed value)."""

CLASH_A: Final = 1.5
"""Hydrogen atoms closer than this are noted, Å."""

IMPOSSIBLE_A: Final = 0.9
"""Hydrogen atoms closer than this are refused, Å: they would bond to each other."""


@dataclass(frozen=True, eq=False)
class Caps:
    """The hydrogen added.

    Attributes:
        positions_A: (m, 2) x, y, Å.
        carriers: The heavy atom each one sits on.
        notes: Doubts in words.
    """

    positions_A: Array
    carriers: tuple[int, ...]
    notes: tuple[str, ...]


def capped(symbols: Sequence[str], graph: BondGraph, where: Literal["rim", "all"]) -> Caps:
    """Put one hydrogen on each two-fold carbon of the rim, or of the whole cluster.

    Args:
        symbols: Elements of the heavy atoms.
        graph: Their bonds, within the cluster alone.
        where: `rim` leaves the atoms around a vacancy bare, `all` caps them, too.

    Returns:
        Caps at 1.09 Å, along minus the sum of the unit vectors to the neighbours.

    Raises:
        StructureError: Two caps would sit in the same place.
    """
    caps = placed_caps(symbols, graph, where)
    return dataclasses.replace(caps, notes=caps.notes + _clashes(caps.positions_A))


def placed_caps(symbols: Sequence[str], graph: BondGraph, where: Literal["rim", "all"]) -> Caps:
    """Return the caps as `capped` places them, however close they come to each other."""
    twofold = [i for i in np.flatnonzero(graph.coordination == 2).tolist() if symbols[i] == "C"]
    rim = {atom for outline in find_rings(graph).outlines for atom in outline.tolist()}
    carriers = tuple(i for i in twofold if where == "all" or i in rim)
    bare = len(twofold) - len(carriers)
    places = np.array([_place(graph, i) for i in carriers]).reshape(-1, 2)
    notes = (f"{bare} two-fold carbon atoms around a vacancy stay bare",) if bare else ()
    return Caps(places, carriers, notes)


def _place(graph: BondGraph, atom: int) -> Array:
    bonds = graph.positions_A[list(graph.neighbours[atom])] - graph.positions_A[atom]
    outward = -(bonds / np.linalg.norm(bonds, axis=1)[:, None]).sum(axis=0)
    place: Array = graph.positions_A[atom] + CH_BOND_A * outward / np.linalg.norm(outward)
    return place


def _clashes(places: Array) -> tuple[str, ...]:
    pairs = close_pairs(places, CLASH_A)
    if not len(pairs):
        return ()
    gaps = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1)
    if gaps.min() < IMPOSSIBLE_A:
        raise StructureError(
            f"Two capping hydrogen atoms would be {gaps.min():.2f} Å apart.",
            remedy="Leave vacancies bare, or choose a slightly different radius or centre.",
        )
    return (f"{len(pairs)} pairs of hydrogen start closer than {CLASH_A} Å ({gaps.min():.2f} Å)",)
