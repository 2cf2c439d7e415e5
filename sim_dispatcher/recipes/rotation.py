"""The Stone-Wales move: turn one bond of a sheet by 90 degrees in the plane.

In four hexagons it makes two pentagons and two heptagons (doi:10.1016/0009-2614(86)80661-3); on
the bond between those heptagons it undoes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.errors import StructureError
from sim_dispatcher.recipes.adsorbates import rotation_onto
from sim_dispatcher.recipes.sites import normal_at
from sim_dispatcher.structure.bonds import bonded_pairs, neighbours
from sim_dispatcher.structure.census import heavy_atoms, rings_of
from sim_dispatcher.structure.cluster import Array, Cluster

__all__ = ["Turn", "choose_turn", "turned"]

HEPTAGON: Final = 7


@dataclass(frozen=True)
class Turn:
    """Which bond is turned.

    Attributes:
        pair: Its two atoms.
        heals: Whether it lies between two heptagons, so that turning it undoes a defect.
        what: In words.
    """

    pair: tuple[int, int]
    heals: bool
    what: str


def choose_turn(cluster: Cluster) -> Turn:
    """Choose the bond between two heptagons, else the one nearest to the middle.

    Raises:
        StructureError: No bond of the cluster can be turned.
    """
    around = neighbours(len(cluster), bonded_pairs(cluster.symbols, cluster.positions_A))
    inner = _threefold(cluster, around)
    pairs = [(i, j) for i in inner for j in around[i] if i < j and j in inner]
    if not pairs:
        raise StructureError(
            "No bond of the structure can be turned: none has three-fold atoms at both ends,"
            " away from the rim.",
            remedy="Cut a larger piece of the sheet, with the place of interest in its middle.",
        )
    middle = cluster.positions_A[heavy_atoms(cluster.symbols)].mean(axis=0)
    healing = _between_heptagons(cluster)

    def rank(pair: tuple[int, int]) -> tuple[bool, float, tuple[int, int]]:
        away = cluster.positions_A[list(pair)].mean(axis=0) - middle
        return frozenset(pair) not in healing, round(float(np.linalg.norm(away)), 3), pair

    chosen = min(pairs, key=rank)
    heals = frozenset(chosen) in healing
    elements = "-".join(cluster.symbols[i] for i in chosen)
    kind = "the bond between the heptagons" if heals else "the bond nearest to the middle"
    what = f"{elements} bond of atoms {chosen[0]} and {chosen[1]}, {kind}, turned by 90 degrees"
    return Turn(chosen, heals, what)


def turned(cluster: Cluster, pair: tuple[int, int], degrees: float = 90.0) -> Array:
    """Return (n, 3) positions with a bond turned about its middle, in the plane of the sheet."""
    ends = list(pair)
    middle = cluster.positions_A[ends].mean(axis=0)
    flat = rotation_onto(normal_at(cluster, middle), np.array([0.0, 0.0, 1.0]))
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    about_z = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    moved = cluster.positions_A.copy()
    moved[ends] = middle + (moved[ends] - middle) @ (flat.T @ about_z @ flat).T
    return moved


def _threefold(cluster: Cluster, around: list[list[int]]) -> set[int]:
    """Return the atoms with three heavy neighbours, none of them on the rim."""
    rim = set(cluster.indices("rim", "cap").tolist())
    return {
        i
        for i, near in enumerate(around)
        if i not in rim and len(near) == 3 and not any(cluster.symbols[j] == "H" for j in near)
    }


def _between_heptagons(cluster: Cluster) -> set[frozenset[int]]:
    """Return the bonds that two heptagons share."""
    heavy = heavy_atoms(cluster.symbols)
    rings = rings_of(cluster.symbols, cluster.positions_A).rings
    bonds = [_bonds(heavy[ring]) for ring in rings if len(ring) == HEPTAGON]
    return {bond for k, one in enumerate(bonds) for other in bonds[:k] for bond in one & other}


def _bonds(ring: NDArray[np.intp]) -> set[frozenset[int]]:
    return {frozenset(pair) for pair in zip(ring.tolist(), np.roll(ring, -1).tolist(), strict=True)}
