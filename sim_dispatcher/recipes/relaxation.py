"""What a plan does to the atoms: look once, or relax what is free.

A tight-binding relaxation starts from the force field's minimum and with the force field's
curvature, provided that the force field kept every bond (its bonds are fixed, its geometry is
not always right). That route ends in 14 to 20 steps where a plain start takes 80.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from shared.clock import Clock, SystemClock
from shared.errors import LevelUnavailableError, SimulationError
from sim_dispatcher.levels import Level, System, choose_level
from sim_dispatcher.levels.potential import Array
from sim_dispatcher.recipes.catalogue import Mask, Plan
from sim_dispatcher.recipes.hessian import model_hessian
from sim_dispatcher.recipes.minimise import Descent, Minimum, Watcher, minimise
from sim_dispatcher.structure.bonds import bonded_pairs
from sim_dispatcher.structure.cluster import Cluster

__all__ = ["Options", "settle"]

FORCE_FIELD_FMAX: Final = 0.1
"""Force to which the pre-relaxation goes, eV/Å; finer is tight binding's business."""

FORCE_FIELD_STEPS: Final = 200
"""Steps after which the pre-relaxation is good enough as it is."""


@dataclass(frozen=True)
class Options:
    """Settings of a run.

    Attributes:
        fmax_eV_A: Converged when no free atom feels more, eV/Å.
        max_steps: Optimiser steps before giving up; the result then says `converged: false`.
        threads: Of the engine and the linear algebra. More than one makes the force field slower
            (3.5 ms on one, 10 ms on two for 116 atoms) and tight binding only a third faster.
        clock: Measures the wall time.
    """

    fmax_eV_A: float = 0.05
    max_steps: int = 300
    threads: int = 1
    clock: Clock = field(default_factory=SystemClock)


def settle(
    cluster: Cluster,
    plan: Plan,
    level: Level,
    options: Options,
    watch: Watcher | None = None,
    stage: str = "relax",
) -> Minimum:
    """Relax what a plan leaves free, or only look.

    Raises:
        SimulationError: The engine gave no answer, or the geometry exploded.
    """
    system = System(cluster.numbers, cluster.charge, cluster.unpaired)
    potential = level.potential(system)
    free = plan.free(cluster)
    with threadpool_limits(limits=options.threads):
        if not plan.moves:
            look = Descent(free, np.inf, max_steps=0, stage="single point")
            return minimise(potential, cluster.positions_A, look, watch)
        start, hessian = cluster.positions_A, None
        if level.can_react:
            start, hessian = _force_field_start(cluster, free, system, watch)
        descent = Descent(free, options.fmax_eV_A, options.max_steps, hessian, stage)
        return minimise(potential, start, descent, watch)


def _force_field_start(
    cluster: Cluster, free: Mask, system: System, watch: Watcher | None
) -> tuple[Array, Array | None]:
    """Return start positions and curvature from GFN-FF, or the cluster's own and None."""
    try:
        force_field = choose_level("gfnff").potential(system)
        descent = Descent(free, FORCE_FIELD_FMAX, FORCE_FIELD_STEPS, stage="force field")
        found = minimise(force_field, cluster.positions_A, descent, watch)
        start = found.positions_A if _same_bonds(cluster, found) else cluster.positions_A
        return start, model_hessian(force_field, start, free)
    except (LevelUnavailableError, SimulationError):
        return cluster.positions_A, None


def _same_bonds(cluster: Cluster, found: Minimum) -> bool:
    before = bonded_pairs(cluster.symbols, cluster.positions_A)
    return np.array_equal(before, bonded_pairs(cluster.symbols, found.positions_A))
