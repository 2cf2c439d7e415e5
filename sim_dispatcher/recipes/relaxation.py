"""Relax what is free, or only look.

A relaxation starts from the minimum, and with the curvature, of the rungs of the ladder below.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from shared.errors import StructureError
from sim_dispatcher.levels.potential import Potential
from sim_dispatcher.recipes.checkpoint import Saved
from sim_dispatcher.recipes.formation import Exchange, plan_exchange, reference_of
from sim_dispatcher.recipes.minimise import Descent, Minimum, Progress, Watcher, minimise
from sim_dispatcher.recipes.placement import laid_over
from sim_dispatcher.recipes.preparation import curvature_at, prepared, same_bonds
from sim_dispatcher.recipes.selective import Mask, all_free
from sim_dispatcher.recipes.springs import unstrained
from sim_dispatcher.recipes.task import Outcome, Task
from sim_dispatcher.recipes.twins import TwinEnergies
from sim_dispatcher.structure.cluster import Cluster
from sim_dispatcher.structure.pristine import NoTwin

__all__ = ["Relaxation", "Settling", "look", "settle"]


@dataclass(frozen=True, eq=False)
class Settling:
    """How one cluster of a task is relaxed.

    Attributes:
        free: What may move; None = everything.
        stage: Name given to the watcher, and to a checkpoint.
        prepared: Whether a cheaper level may move the atoms first.
        look_first: Whether a structure that is relaxed already is left as it is, at the price of
            one point where it is not.
    """

    free: Mask | None = None
    stage: str = "relax"
    prepared: bool = True
    look_first: bool = False


def settle(task: Task, cluster: Cluster, how: Settling | None = None) -> Minimum:
    """Relax a cluster at a task's level; work that was stopped in this stage is taken up again.

    Raises:
        SimulationError: The engine gave no answer, or the geometry exploded.
        UnfinishedError: The time was up; the positions are kept.
    """
    how = how or Settling()
    saved = task.checkpoint.load(how.stage)
    if saved is not None and "found" in saved.arrays:
        return _remembered(saved)
    surface = task.surface(cluster)
    found = None
    if how.look_first and saved is None:
        found = look(task, cluster, how.stage, surface)
    if found is None or found.fmax_eV_A >= task.options.fmax_eV_A:
        found = _descended(task, cluster, how, surface)
    if how.prepared and not task.level.can_react and not same_bonds(cluster, found.positions_A):
        found = _relieved(task, cluster, how) or found
    task.checkpoint.save(_remember(how.stage, found))
    return found


def _descended(task: Task, cluster: Cluster, how: Settling, surface: Potential) -> Minimum:
    """Walk down from the cluster, or from where an earlier walk was stopped."""
    saved = task.checkpoint.load(how.stage)
    done = 0 if saved is None else saved.step
    free = all_free(cluster) if how.free is None else how.free
    start, hessian = cluster.positions_A, None
    if saved is not None:
        start = np.asarray(saved.arrays["positions_A"])
    if task.level.can_react and how.prepared and saved is None:
        start, hessian = prepared(cluster, free, task.level.name, task.watch)
    elif task.level.can_react:
        there = dataclasses.replace(cluster, positions_A=start)
        hessian = curvature_at(there, free, task.level.name)
    options = task.options
    descent = Descent(
        free=free,
        fmax_eV_A=options.fmax_eV_A,
        max_steps=max(options.max_steps - done, 0),
        hessian_eV_A2=hessian,
        stage=how.stage,
        max_step_A=options.max_step_A,
        keep=task.keeper(how.stage, done),
    )
    found = minimise(surface, start, descent, _counting_from(done, task.watch))
    return dataclasses.replace(found, steps=found.steps + done)


def _relieved(task: Task, cluster: Cluster, how: Settling) -> Minimum | None:
    """Relax by a force field that was fooled into other bonds, out of the worst strain first."""
    free = all_free(cluster) if how.free is None else how.free
    start = unstrained(cluster.symbols, cluster.positions_A, free)
    relieved = dataclasses.replace(cluster, positions_A=start)
    found = _descended(task, relieved, how, task.surface(cluster))
    return found if same_bonds(cluster, found.positions_A) else None


def _remember(stage: str, found: Minimum) -> Saved:
    """Return a finished stage as arrays."""
    numbers = np.array([found.energy_eV, found.fmax_eV_A, float(found.converged)])
    return Saved(stage, found.steps, {"positions_A": found.positions_A, "found": numbers})


def _remembered(saved: Saved) -> Minimum:
    energy, force, converged = saved.arrays["found"].tolist()
    return Minimum(saved.arrays["positions_A"], energy, force, saved.step, bool(converged))


def look(
    task: Task,
    cluster: Cluster,
    stage: str = "single point",
    surface: Potential | None = None,
) -> Minimum:
    """Compute one point, on a surface that was prepared before or on a new one."""
    surface = surface or task.surface(cluster)
    descent = Descent(all_free(cluster), np.inf, max_steps=0, stage=stage)
    return minimise(surface, cluster.positions_A, descent, task.watch)


@dataclass(frozen=True)
class Relaxation:
    """The recipes that relax a cluster, or look at it, and tell its energy.

    Attributes:
        free: Which coordinates may move; None = a single point, nothing moves.
        formation: `wanted` = given where a pristine twin and potentials exist, else left out;
            `required` = refused without; `none` = not defined, as the twin would have to be held
            in the same places, too.
    """

    free: Callable[[Cluster], Mask] | None = all_free
    formation: Literal["none", "wanted", "required"] = "none"

    def __call__(self, task: Task) -> Outcome:
        """Compute it.

        Raises:
            StructureError: A formation energy was asked for and none is defined.
            SimulationError: The engine gave no answer, or one that makes no sense.
        """
        exchange = self._exchange(task)
        if self.free is None:
            return Outcome.of(task.cluster, look(task, task.cluster), "single point")
        free = self.free(task.cluster)
        minimum = settle(task, task.cluster, Settling(free))
        outcome = Outcome.of(
            _placed(task.cluster, minimum, free).noted(*_notes(exchange, minimum)),
            minimum,
            f"relaxed by BFGS to {task.options.fmax_eV_A:g} eV/Å",
        )
        if not isinstance(exchange, Exchange):
            return outcome
        pristine_eV = _pristine_energy(task, exchange)
        return dataclasses.replace(
            outcome,
            formation_eV=exchange.formation_eV(minimum.energy_eV, pristine_eV),
            reference=reference_of(exchange, pristine_eV, task.level),
        )

    def _exchange(self, task: Task) -> Exchange | NoTwin | None:
        """Return what a formation energy needs, before anything expensive is done."""
        if self.formation == "none":
            return None
        exchange = plan_exchange(task.cluster, task.level)
        if isinstance(exchange, NoTwin) and self.formation == "required":
            raise StructureError(
                f"No formation energy is defined here: {exchange.reason}.",
                remedy="Use the recipe relax, which gives the total energy; or another level.",
            )
        return exchange


def _pristine_energy(task: Task, exchange: Exchange) -> float:
    """Return the total energy of the relaxed twin, eV, from memory where it was computed."""
    key = TwinEnergies.key(exchange.twin, task.level, task.options.fmax_eV_A)
    known = task.twins.find(key)
    if known is None:
        known = settle(task, exchange.twin, Settling(stage="pristine")).energy_eV
        task.twins.keep(key, known)
    return known


def _notes(exchange: Exchange | NoTwin | None, minimum: Minimum) -> tuple[str, ...]:
    notes: list[str] = []
    if isinstance(exchange, NoTwin):
        notes.append(f"no formation energy: {exchange.reason}")
    if not minimum.converged:
        notes.append(f"not converged after {minimum.steps} steps")
    return tuple(notes)


def _placed(cluster: Cluster, minimum: Minimum, free: Mask) -> Cluster:
    """Return the final structure laid over the initial one, unless a cell or a mask held it."""
    if free.all() and cluster.lattice_A is None:
        return cluster.moved(laid_over(minimum.positions_A, cluster))
    return cluster.moved(minimum.positions_A)


def _counting_from(done: int, watch: Watcher | None) -> Watcher | None:
    """Return a watcher that sees the steps before a resume counted in."""
    if watch is None or not done:
        return watch

    def told(progress: Progress) -> None:
        watch(dataclasses.replace(progress, step=progress.step + done))

    return told
