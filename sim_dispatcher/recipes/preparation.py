"""Where a dear relaxation starts: the minimum and the curvature of the rungs below.

Tight binding starts from GFN-FF; density functional theory from GFN1, which starts from GFN-FF.
A cheap Hessian saves dear steps: tight binding takes 11 to 14 with GFN-FF's where it takes 80 with
none.

GFN-FF settles which atoms are bonded when it first sees them. Where its minimum has other bonds
than the structure (a silicon detected where carbon was comes so close to its second neighbours
that one of them counts as bonded), the structure is taken out of its strain first, and tried once
more. GFN1 may change bonds: that is its business.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from shared.errors import LevelUnavailableError, SimulationError
from sim_dispatcher.levels import LevelName, System, choose_level
from sim_dispatcher.levels.potential import Array, Potential
from sim_dispatcher.recipes.hessian import model_hessian
from sim_dispatcher.recipes.minimise import Descent, Watcher, minimise
from sim_dispatcher.recipes.selective import Mask
from sim_dispatcher.recipes.springs import unstrained
from sim_dispatcher.structure.bonds import bonded_pairs
from sim_dispatcher.structure.cluster import Cluster

__all__ = ["curvature_at", "prepared", "same_bonds"]

TIGHT_BINDING: Final = frozenset[LevelName]({"gfn1", "gfn2"})

FORCE_FIELD_FMAX: Final = 0.1
"""Force to which the force field relaxes, eV/Å; finer is the dearer level's business."""

TIGHT_BINDING_FMAX: Final = 0.05
"""The same of tight binding below density functional theory, eV/Å."""

STEPS: Final = 200
"""Steps after which that is good enough as it is."""


def prepared(
    cluster: Cluster, free: Mask, level: LevelName, watch: Watcher | None = None
) -> tuple[Array, Array | None]:
    """Return start positions, Å, and curvature, eV/Å², for a relaxation.

    Args:
        cluster: What is to be relaxed.
        free: What may move.
        level: At which level it will be.
        watch: Told of the steps.

    Returns:
        The minimum of the rung below and its Hessian there; the cluster's own positions where
        that would spoil its bonds; no Hessian where nothing below can be computed.
    """
    start, hessian = _by_force_field(cluster, free, watch)
    if level in TIGHT_BINDING:
        return start, hessian
    descent = Descent(free, TIGHT_BINDING_FMAX, STEPS, hessian, stage="tight binding")
    try:
        surface = _surface(cluster, "gfn1")
        found = minimise(surface, start, descent, watch).positions_A
        return found, model_hessian(surface, found, free)
    except (LevelUnavailableError, SimulationError):
        return start, hessian


def curvature_at(cluster: Cluster, free: Mask, level: LevelName) -> Array | None:
    """Return the Hessian of the rung below where the cluster is, eV/Å²; None where it has none."""
    below: LevelName = "gfnff" if level in TIGHT_BINDING else "gfn1"
    try:
        return model_hessian(_surface(cluster, below), cluster.positions_A, free)
    except (LevelUnavailableError, SimulationError):
        return None


def same_bonds(cluster: Cluster, positions_A: Array) -> bool:
    """Return whether other positions of a cluster have the same bonds."""
    before = bonded_pairs(cluster.symbols, cluster.positions_A)
    return np.array_equal(before, bonded_pairs(cluster.symbols, positions_A))


def _by_force_field(
    cluster: Cluster, free: Mask, watch: Watcher | None
) -> tuple[Array, Array | None]:
    """Return the force field's minimum and curvature, on one thread: more make it slower."""
    try:
        with threadpool_limits(limits=1):
            surface, start = _settled(cluster, free, watch)
            return start, model_hessian(surface, start, free)
    except (LevelUnavailableError, SimulationError):
        return cluster.positions_A, None


def _settled(cluster: Cluster, free: Mask, watch: Watcher | None) -> tuple[Potential, Array]:
    """Return a surface and its minimum with the cluster's bonds, else the cluster as it is."""
    descent = Descent(free, FORCE_FIELD_FMAX, STEPS, stage="force field")
    surface = _surface(cluster, "gfnff")
    found = minimise(surface, cluster.positions_A, descent, watch).positions_A
    if same_bonds(cluster, found):
        return surface, found
    relieved = _surface(cluster, "gfnff")
    start = unstrained(cluster.symbols, cluster.positions_A, free)
    found = minimise(relieved, start, descent, watch).positions_A
    return (relieved, found) if same_bonds(cluster, found) else (surface, cluster.positions_A)


def _surface(cluster: Cluster, level: LevelName) -> Potential:
    """Return a new surface; a force field's settles its bonds at the first point it is given."""
    system = System(cluster.numbers, cluster.charge, cluster.unpaired, cluster.lattice_A)
    return choose_level(level, periodic=cluster.lattice_A is not None).potential(system)
