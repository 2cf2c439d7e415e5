"""One runner for every recipe: check, relax, compare with the pristine twin, report."""

from __future__ import annotations

import resource
from dataclasses import dataclass

from shared.errors import SimulationError, StructureError
from shared.messages.simulation import SimulationResult
from sim_dispatcher.levels import Level
from sim_dispatcher.levels.potential import Array
from sim_dispatcher.recipes.catalogue import Plan, find_recipe
from sim_dispatcher.recipes.formation import Exchange, compare, plan_exchange
from sim_dispatcher.recipes.minimise import Minimum, Watcher
from sim_dispatcher.recipes.relaxation import Options, settle
from sim_dispatcher.recipes.twins import TwinEnergies
from sim_dispatcher.structure.alignment import aligned
from sim_dispatcher.structure.bonds import CONTACT_FACTOR, bond_statistics, bonded_pairs
from sim_dispatcher.structure.census import ring_census
from sim_dispatcher.structure.checks import check_size, check_structure, fragments
from sim_dispatcher.structure.cluster import Cluster
from sim_dispatcher.structure.pristine import NoTwin

__all__ = ["Computed", "run_recipe"]


@dataclass(frozen=True, eq=False)
class Computed:
    """A recipe's outcome.

    Attributes:
        result: Numbers, as they travel.
        cluster: The final structure, with all notes.
        software: Code and version that computed it.
    """

    result: SimulationResult
    cluster: Cluster
    software: str


def run_recipe(
    cluster: Cluster,
    recipe: str,
    level: Level,
    options: Options | None = None,
    watch: Watcher | None = None,
    twins: TwinEnergies | None = None,
) -> Computed:
    """Compute a recipe on a cluster.

    Args:
        cluster: Checked here once more; `build_cluster` or `read_cluster` make it.
        recipe: A row of `RECIPES`.
        level: From `choose_level`.
        options: Convergence and limits.
        watch: Called after every optimiser step.
        twins: Energies of pristine twins to reuse and to add to; None = those of this process.

    Raises:
        ConfigurationError: The recipe is not part of this version.
        StructureError: The cluster is not something to compute at this level, or a formation
            energy was asked for and none is defined.
        SimulationError: The engine gave no answer, or one that makes no sense.
    """
    options = options or Options()
    plan = find_recipe(recipe)
    check_structure(cluster.symbols, cluster.positions_A)
    check_size(len(cluster), level.max_atoms, level.name)
    began, used = options.clock.monotonic_s(), _cpu_s()
    exchange = _exchange(cluster, plan, level)
    minimum = settle(cluster, plan, level, options, watch)
    final = cluster.moved(_placed(cluster, minimum, plan)).noted(*_notes(exchange, minimum, plan))
    _refuse_fragments(final)
    formation, reference = None, None
    if isinstance(exchange, Exchange):
        formation, reference = compare(minimum.energy_eV, exchange, level, options, watch, twins)
    result = SimulationResult(
        recipe=plan.name,
        level=level.name,
        energy_eV=minimum.energy_eV,
        formation_eV=formation,
        reference=reference,
        charge=cluster.charge,
        unpaired=cluster.unpaired,
        bonds_A=bond_statistics(final.symbols, final.positions_A),
        rings={
            "before": ring_census(cluster.symbols, cluster.positions_A),
            "after": ring_census(final.symbols, final.positions_A),
        },
        converged=minimum.converged,
        steps=minimum.steps,
        fmax_eV_A=minimum.fmax_eV_A,
        wall_s=options.clock.monotonic_s() - began,
        cpu_s=_cpu_s() - used,
    )
    return Computed(result, final, level.implementation)


def _exchange(cluster: Cluster, plan: Plan, level: Level) -> Exchange | NoTwin | None:
    """Return what a formation energy needs, before anything expensive is done."""
    if plan.formation == "none":
        return None
    exchange = plan_exchange(cluster, level)
    if isinstance(exchange, NoTwin) and plan.formation == "required":
        raise StructureError(
            f"No formation energy is defined here: {exchange.reason}.",
            remedy="Use the recipe relax, which gives the total energy; or another level.",
        )
    return exchange


def _notes(exchange: Exchange | NoTwin | None, minimum: Minimum, plan: Plan) -> tuple[str, ...]:
    notes: list[str] = []
    if isinstance(exchange, NoTwin):
        notes.append(f"no formation energy: {exchange.reason}")
    if plan.moves and not minimum.converged:
        notes.append(f"not converged after {minimum.steps} steps")
    return tuple(notes)


def _placed(cluster: Cluster, minimum: Minimum, plan: Plan) -> Array:
    """Return final positions laid over the initial ones, unless something was held fixed."""
    if plan.moves and plan.free(cluster).all():
        return aligned(minimum.positions_A, cluster.positions_A)
    return minimum.positions_A


def _refuse_fragments(final: Cluster) -> None:
    touching = bonded_pairs(final.symbols, final.positions_A, CONTACT_FACTOR)
    labels = fragments(len(final), touching)
    if labels.max() > 0:
        raise SimulationError(
            f"The cluster fell into {labels.max() + 1} fragments while it relaxed.",
            remedy="Check elements and scale of the structure; else hold its perimeter fixed.",
        )


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
