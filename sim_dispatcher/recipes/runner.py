"""One runner for every recipe: check, compute, look at what came out, report."""

from __future__ import annotations

from threadpoolctl import threadpool_limits

from shared.errors import StructureError
from shared.messages.simulation import SimulationResult
from sim_dispatcher.levels import Level
from sim_dispatcher.recipes.catalogue import Row, find_recipe
from sim_dispatcher.recipes.displacement import displacement
from sim_dispatcher.recipes.errors import FragmentsError
from sim_dispatcher.recipes.minimise import Watcher
from sim_dispatcher.recipes.options import Options
from sim_dispatcher.recipes.processor_time import processor_s
from sim_dispatcher.recipes.task import Computed, Outcome, ResultFile, Task
from sim_dispatcher.recipes.twins import TwinEnergies, process_twins
from sim_dispatcher.structure.bonds import CONTACT_FACTOR, bond_statistics, bonded_pairs
from sim_dispatcher.structure.census import ring_census
from sim_dispatcher.structure.checks import check_size, check_structure, fragments
from sim_dispatcher.structure.cluster import Cluster

__all__ = ["run_recipe"]


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
        options: What was asked, and how to go about it.
        watch: Called after every step.
        twins: Energies of pristine twins to reuse and to add to; None = those of this process.

    Raises:
        ConfigurationError: There is no such recipe.
        StructureError: The cluster is not something to compute so at this level.
        SimulationError: The engine gave no answer, or one that makes no sense.
        UnfinishedError: The time was up; the work so far is kept.
    """
    options = options or Options()
    row = find_recipe(recipe)
    check_structure(cluster.symbols, cluster.positions_A, cluster.lattice_A)
    check_size(len(cluster), level.max_atoms, level.name)
    _refuse_fixed_bonds(row, level)
    began, used = options.clock.monotonic_s(), processor_s()
    twins = process_twins() if twins is None else twins
    task = Task(row.name, cluster, level, options, watch, twins, began)
    with threadpool_limits(limits=options.threads):
        outcome = row.perform(task)
    final = outcome.cluster
    in_sheet = outcome.n_sheet or len(final)
    if outcome.whole:
        _refuse_fragments(final)
    result = SimulationResult(
        recipe=row.name,
        level=level.name,
        energy_eV=outcome.energy_eV,
        formation_eV=outcome.formation_eV,
        reference=outcome.reference,
        charge=final.charge,
        unpaired=final.unpaired,
        bonds_A=bond_statistics(final.symbols, final.positions_A, final.lattice_A),
        rings={
            "before": ring_census(cluster.symbols, cluster.positions_A, cluster.lattice_A),
            "after": ring_census(
                final.symbols[:in_sheet], final.positions_A[:in_sheet], final.lattice_A
            ),
        },
        converged=outcome.converged,
        steps=outcome.steps,
        fmax_eV_A=outcome.fmax_eV_A,
        wall_s=options.clock.monotonic_s() - began,
        cpu_s=processor_s() - used,
        moved=displacement(cluster, final) if outcome.comparable else None,
        report=outcome.report,
    )
    task.checkpoint.clear()
    return Computed(result, final, level.implementation, _settings(task, outcome), _files(outcome))


def _settings(task: Task, outcome: Outcome) -> str:
    """Return level and numerical settings in one line."""
    level = task.options.numerics.applied(task.level.settings)
    threads = "1 thread" if task.options.threads == 1 else f"{task.options.threads} threads"
    return "; ".join(part for part in (level, outcome.settings, threads) if part)


def _files(outcome: Outcome) -> tuple[ResultFile, ...]:
    """Return the recipe's files, and all notes on the structure as one more."""
    notes = "".join(f"{note}\n" for note in outcome.cluster.notes)
    return (*outcome.files, *((ResultFile.text("notes.txt", notes),) if notes else ()))


def _refuse_fixed_bonds(row: Row, level: Level) -> None:
    if row.reacts and not level.can_react:
        raise StructureError(
            f"Recipe {row.name} lets bonds form and break, but level {level.name} has fixed bonds.",
            remedy="Choose gfn1 or a higher level.",
        )


def _refuse_fragments(final: Cluster) -> None:
    touching = bonded_pairs(final.symbols, final.positions_A, CONTACT_FACTOR, final.lattice_A)
    labels = fragments(len(final), touching)
    if labels.max() > 0:
        raise FragmentsError(
            f"The cluster fell into {labels.max() + 1} fragments while it relaxed.",
            remedy="Check elements and scale of the structure; else hold its perimeter fixed.",
        )
