"""The force field's minimum and curvature, from which a dearer relaxation starts.

GFN-FF settles which atoms are bonded when it first sees them. Where its minimum has other bonds
than the structure (a silicon detected where carbon was comes so close to its second neighbours
that one of them counts as bonded), the structure is taken out of its strain first, and tried once
more.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from shared.errors import LevelUnavailableError, SimulationError
from sim_dispatcher.levels import System, choose_level
from sim_dispatcher.levels.potential import Array, Potential
from sim_dispatcher.recipes.hessian import model_hessian
from sim_dispatcher.recipes.minimise import Descent, Watcher, minimise
from sim_dispatcher.recipes.selective import Mask
from sim_dispatcher.recipes.springs import unstrained
from sim_dispatcher.structure.bonds import bonded_pairs
from sim_dispatcher.structure.cluster import Cluster

__all__ = ["curvature_at", "prepared"]

FMAX: Final = 0.1
"""Force to which the force field relaxes, eV/Å; finer is the dearer level's business."""

STEPS: Final = 200
"""Steps after which that is good enough as it is."""


def prepared(
    cluster: Cluster, free: Mask, watch: Watcher | None = None
) -> tuple[Array, Array | None]:
    """Return start positions, Å, and curvature, eV/Å², for a relaxation at a dearer level.

    Returns:
        The force field's minimum, where it keeps every bond, and its Hessian there; the cluster's
        own positions where it does not; no Hessian where there is no force field for it.
    """
    try:
        surface, start = _settled(cluster, free, watch)
        return start, model_hessian(surface, start, free)
    except (LevelUnavailableError, SimulationError):
        return cluster.positions_A, None


def curvature_at(cluster: Cluster, free: Mask) -> Array | None:
    """Return the force field's Hessian where the cluster is, eV/Å²; None where it has none."""
    try:
        return model_hessian(_surface(cluster), cluster.positions_A, free)
    except (LevelUnavailableError, SimulationError):
        return None


def _settled(cluster: Cluster, free: Mask, watch: Watcher | None) -> tuple[Potential, Array]:
    """Return a surface and its minimum with the cluster's bonds, else the cluster as it is."""
    descent = Descent(free, FMAX, STEPS, stage="force field")
    surface = _surface(cluster)
    found = minimise(surface, cluster.positions_A, descent, watch).positions_A
    if _same_bonds(cluster, found):
        return surface, found
    relieved = _surface(cluster)
    start = unstrained(cluster.symbols, cluster.positions_A, free)
    found = minimise(relieved, start, descent, watch).positions_A
    return (relieved, found) if _same_bonds(cluster, found) else (surface, cluster.positions_A)


def _surface(cluster: Cluster) -> Potential:
    """Return a new GFN-FF surface, which settles its bonds at the first point it is given."""
    if cluster.lattice_A is not None:
        raise LevelUnavailableError(
            "GFN-FF here knows no periodic cells.", remedy="Use a level that does, as gfn1."
        )
    system = System(cluster.numbers, cluster.charge, cluster.unpaired)
    return choose_level("gfnff").potential(system)


def _same_bonds(cluster: Cluster, positions_A: Array) -> bool:
    before = bonded_pairs(cluster.symbols, cluster.positions_A)
    return np.array_equal(before, bonded_pairs(cluster.symbols, positions_A))
