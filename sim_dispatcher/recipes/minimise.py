"""Walk down an energy surface until the forces vanish, and notice when the walk goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import ase
import numpy as np
from numpy.typing import NDArray

from sim_dispatcher.levels.ase_bridge import PotentialCalculator
from sim_dispatcher.levels.potential import Array, Potential
from sim_dispatcher.recipes.damped_bfgs import damped_bfgs
from sim_dispatcher.recipes.errors import ExplodedGeometryError, ForcesNotFiniteError

__all__ = ["EXPLODED_A", "Descent", "Minimum", "Progress", "Stage", "Watcher", "minimise"]

EXPLODED_A: Final = 5.0
"""An atom that moved this far, Å, has left its place: the geometry exploded."""

Stage: TypeAlias = str
"""What is going on: `force field`, `relax`, `pristine`."""

Watcher: TypeAlias = Callable[["Progress"], None]
"""Called after every step; what it raises ends the calculation."""


@dataclass(frozen=True)
class Progress:
    """One step of a calculation, for whoever watches.

    Attributes:
        stage: What is going on.
        step: Steps done in this stage, from 0.
        energy_eV: Total energy at the stage's level, eV.
        fmax_eV_A: Largest force on any free atom, eV/Å.
    """

    stage: Stage
    step: int
    energy_eV: float
    fmax_eV_A: float


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a walk ended.

    Attributes:
        positions_A: (n, 3) final positions, Å.
        energy_eV: Total energy there, eV.
        fmax_eV_A: Largest force on any free atom, eV/Å.
        steps: Optimiser steps taken.
        converged: Whether the force criterion was met.
    """

    positions_A: Array
    energy_eV: float
    fmax_eV_A: float
    steps: int
    converged: bool


@dataclass(frozen=True, eq=False)
class Descent:
    """How to walk.

    Attributes:
        free: (n, 3) True where a coordinate may move.
        fmax_eV_A: Converged when no free atom feels more, eV/Å.
        max_steps: Give up after as many steps; 0 = a single point.
        hessian_eV_A2: (3n, 3n) initial curvature; None = the optimiser's own guess.
        stage: Name given to the watcher.
        max_step_A: Longest step of an atom, Å.
        keep: Called after each step with its number and the positions; what it raises ends it.
    """

    free: NDArray[np.bool_]
    fmax_eV_A: float = 0.05
    max_steps: int = 300
    hessian_eV_A2: Array | None = None
    stage: Stage = "relax"
    max_step_A: float = 0.2
    keep: Callable[[int, Array], None] | None = None


def minimise(
    potential: Potential, start_A: Array, descent: Descent, watch: Watcher | None = None
) -> Minimum:
    """Relax by damped BFGS (ASE) from the given start.

    Args:
        potential: The energy surface.
        start_A: (n, 3) start positions, Å.
        descent: What may move, when to stop, and what is known of the curvature.
        watch: Called after every step, the zeroth included.

    Returns:
        The last point, converged or not.

    Raises:
        SimulationError: The engine gave no answer.
        ForcesNotFiniteError: Energy or forces are not numbers.
        ExplodedGeometryError: An atom left its place.
    """
    # The atoms' element plays no role here: the potential knows its own nuclei.
    atoms = ase.Atoms(positions=start_A, numbers=np.ones(len(start_A), dtype=int))
    atoms.calc = PotentialCalculator(potential, descent.free)
    optimiser = damped_bfgs(atoms, descent.max_step_A, descent.hessian_eV_A2)
    energy, force = _checked(atoms, start_A, descent, 0, watch)
    while force >= descent.fmax_eV_A and optimiser.nsteps < descent.max_steps:
        optimiser.step()
        optimiser.nsteps += 1
        energy, force = _checked(atoms, start_A, descent, optimiser.nsteps, watch)
    return Minimum(
        positions_A=np.array(atoms.positions),
        energy_eV=energy,
        fmax_eV_A=force,
        steps=int(optimiser.nsteps),
        converged=force < descent.fmax_eV_A,
    )


def _checked(
    atoms: Any, start_A: Array, descent: Descent, step: int, watch: Watcher | None
) -> tuple[float, float]:
    """Return energy and largest force of a point that passed all checks."""
    if np.linalg.norm(atoms.positions - start_A, axis=1).max() > EXPLODED_A:
        raise ExplodedGeometryError(
            f"The geometry exploded: an atom moved more than {EXPLODED_A} Å by step {step}.",
            remedy="Check elements and scale of the structure; else hold its perimeter fixed.",
        )
    forces = atoms.get_forces()
    energy = float(atoms.get_potential_energy())
    if not (np.isfinite(forces).all() and np.isfinite(energy)):
        raise ForcesNotFiniteError(
            f"Energy or forces are not numbers at step {step}.",
            remedy="Check the structure for overlapping atoms; else try another level.",
        )
    force = float(np.linalg.norm(forces, axis=1).max())
    if watch is not None:
        watch(Progress(descent.stage, step, energy, force))
    if descent.keep is not None:
        descent.keep(step, atoms.positions)
    return energy, force
