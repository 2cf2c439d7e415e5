"""The pristine twin of a cluster: perfect graphene inside the same rim.

Whatever sits inside (silicon, vacancy, rotated bonds), the rim alone decides: if its walk closes
on the honeycomb lattice, the lattice sites inside it are the twin. Congruent rims give the same
twin, atom by atom, so that its energy is computed once. A cluster through which a grain boundary
or dislocation runs has a rim that does not close, and no twin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim_dispatcher.structure.bonds import bonded_pairs, neighbours
from sim_dispatcher.structure.box import DECIMALS, boxed
from sim_dispatcher.structure.census import heavy_atoms, rings_of
from sim_dispatcher.structure.cluster import Array, Cluster, Role
from sim_dispatcher.structure.honeycomb import canonical, enclosed_sites, walk
from sim_dispatcher.structure.images import is_sheet
from sim_dispatcher.structure.seed import seed_heights
from sim_dispatcher.structure.spin import unpaired_electrons
from sim_dispatcher.structure.supercell import recognise_supercell, supercell_sites
from sim_dispatcher.structure.terminate import CH_BOND_A

__all__ = ["NoTwin", "pristine_twin"]


@dataclass(frozen=True)
class NoTwin:
    """Why a cluster has no pristine twin.

    Attributes:
        reason: In words, without a full stop.
    """

    reason: str


def pristine_twin(cluster: Cluster) -> Cluster | NoTwin:
    """Return perfect graphene inside the cluster's rim, or why there is none.

    Args:
        cluster: A planar, hydrogen-capped cluster whose rim is carbon; or a periodic cell.

    Returns:
        The twin: rim, inside, caps, in an orientation of its own; of a periodic cell, perfect
        graphene in the same cell. Same charge.
    """
    if cluster.lattice_A is not None:
        return _cell_twin(cluster, cluster.lattice_A)
    code = _rim_code(cluster)
    if isinstance(code, NoTwin):
        return code
    name = canonical(code)
    rim = walk(name)
    if rim is None:
        return NoTwin("its rim does not close on a perfect lattice")
    return _assembled(rim, enclosed_sites(rim), np.array(name) == 2, cluster.charge)


def _cell_twin(cluster: Cluster, lattice_A: Array) -> Cluster | NoTwin:
    """Return perfect graphene in a periodic cell."""
    if (
        not is_sheet(cluster.positions_A, lattice_A)
        or cluster.symbols.count("C") < len(cluster) / 2
    ):
        return NoTwin("its cell holds no sheet of carbon")
    plane = lattice_A[0] / np.linalg.norm(lattice_A[0])
    across = np.cross(np.cross(lattice_A[0], lattice_A[1]), plane)
    axes = np.stack([plane, across / np.linalg.norm(across)], axis=1)
    cell = recognise_supercell(lattice_A[:2] @ axes)
    if cell is None:
        return NoTwin("its cell is none of graphene's, up to 2 % of strain")
    flat = supercell_sites(cell) @ lattice_A[:2]
    symbols = ("C",) * len(flat)
    height = float(np.median(cluster.positions_A @ np.cross(*axes.T))) * np.cross(*axes.T)
    heights = seed_heights(symbols, flat @ axes)[:, None] * np.cross(*axes.T)
    return Cluster(
        symbols=symbols,
        positions_A=np.round(flat + height + heights, DECIMALS),
        roles=tuple("interior" for _ in symbols),
        cell_A=cluster.cell_A,
        charge=cluster.charge,
        unpaired=unpaired_electrons(symbols, cluster.charge),
        lattice_A=lattice_A,
    )


def _rim_code(cluster: Cluster) -> tuple[int, ...] | NoTwin:
    """Return the number of heavy neighbours along the rim, anticlockwise."""
    heavy = heavy_atoms(cluster.symbols)
    if len(heavy) < 6:
        return NoTwin("it is too small to be a piece of a sheet")
    rings = rings_of(cluster.symbols, cluster.positions_A)
    if len(rings.outlines) != 1:
        return NoTwin("its rings do not form one sheet")
    rim = heavy[rings.outlines[0]][::-1]
    around = neighbours(len(cluster), bonded_pairs(cluster.symbols, cluster.positions_A))
    caps = [sum(cluster.symbols[j] == "H" for j in around[i]) for i in rim]
    code = tuple(len(around[i]) - cap for i, cap in zip(rim, caps, strict=True))
    if any(cluster.symbols[i] != "C" for i in rim):
        return NoTwin("the defect reaches its rim")
    if set(code) - {2, 3} or any(cap != (n == 2) for n, cap in zip(code, caps, strict=True)):
        return NoTwin("its rim is not capped with one hydrogen on each two-fold carbon")
    return code


def _assembled(rim: Array, inside: Array, twofold: NDArray[np.bool_], charge: int) -> Cluster:
    """Put rim, inside and caps into a box, heights seeded as in any cluster."""
    outward = 2 * rim - np.roll(rim, 1, axis=0) - np.roll(rim, -1, axis=0)
    length = np.linalg.norm(outward, axis=1, keepdims=True)
    caps = (rim + CH_BOND_A * outward / length)[twofold]
    flat = np.concatenate([rim, inside, caps])
    symbols = ("C",) * (len(rim) + len(inside)) + ("H",) * len(caps)
    rim_roles: tuple[Role, ...] = tuple("rim" if two else "interior" for two in twofold)
    inner: tuple[Role, ...] = tuple("interior" for _ in inside)
    outer: tuple[Role, ...] = tuple("cap" for _ in caps)
    positions, cell = boxed(np.column_stack([flat, seed_heights(symbols, flat)]))
    return Cluster(
        symbols=symbols,
        positions_A=positions,
        roles=rim_roles + inner + outer,
        cell_A=cell,
        charge=charge,
        unpaired=unpaired_electrons(symbols, charge),
    )
