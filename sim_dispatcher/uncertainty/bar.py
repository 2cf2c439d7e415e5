"""The error bar of a relaxed structure and its formation energy: uncertainty is the product.

Runs after the first answer, which never waits for it. Every part is measured by a calculation or
taken from a table that says how it was made; a part that cannot be had is absent, and a note says
why. Where the level itself is too dear for a part, tight binding computes the difference, and the
note says that, too.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeAlias

from shared.errors import LevelUnavailableError, SimulationError, StructureError
from sim_dispatcher.ledger import Variant
from sim_dispatcher.levels import Level, System, choose_level
from sim_dispatcher.levels.potential import Array
from sim_dispatcher.recipes import (
    Computed,
    Options,
    ResultFile,
    TwinEnergies,
    UnfinishedError,
    Watcher,
)
from sim_dispatcher.recipes import run_recipe as run
from sim_dispatcher.recipes.formation import chemical_potentials, plan_exchange
from sim_dispatcher.recipes.hessian import model_hessian
from sim_dispatcher.recipes.processor_time import processor_s
from sim_dispatcher.recipes.selective import all_free
from sim_dispatcher.structure import Cluster, parse_cluster
from sim_dispatcher.structure.pristine import NoTwin
from sim_dispatcher.uncertainty.parts import (
    any_of,
    merge,
    numerics_eV,
    reservoir_eV,
    size_eV,
    spread_eV,
)
from sim_dispatcher.uncertainty.starts import sample_starts
from sim_dispatcher.uncertainty.variants import LEFT_OUT

__all__ = ["compute_error_bar"]

CHEAP: Final = ("gfn1", "gfn2")
"""Levels that can afford every part themselves; the others borrow differences from the first."""


def compute_error_bar(
    cluster: Cluster,
    variants: Sequence[Variant],
    level: Level,
    options: Options,
    watch: Watcher | None = None,
    twins: TwinEnergies | None = None,
) -> Computed:
    """Relax a cluster once more and find out how far its answer is to be trusted.

    Args:
        cluster: As cut, with the errors that detection gave.
        variants: From `plan_variants`.
        level: That of the answer in question.
        options: Those of the answer in question; `seed` draws the starts, and when the time
            allowed is up the parts not begun are left out.
        watch: Told of every step of every calculation.
        twins: Energies of pristine twins to reuse and to add to; None = those of this process.

    Returns:
        The answer as the recipe `relax` gives it, with `uncertainty`; the notes say what is
        missing, and the file `error_bar.json` how each part came about.

    Raises:
        StructureError: The cluster is not something to compute at this level.
        SimulationError: The engine gave no answer for the cluster itself.
        UnfinishedError: Somebody asked for a stop, or the time was up before the first answer.
    """
    began_s, used_s = options.clock.monotonic_s(), processor_s()
    options = dataclasses.replace(options, checkpoint=None)
    own = run(cluster, "relax", level, options, watch, twins)
    bar = _Bar(cluster, own, level, options, watch, twins, began_s)
    for name, part in PARTS.items():
        bar.attempt(name, part, tuple(variants))
    notes = (*own.cluster.notes, *bar.notes)
    result = own.result.model_copy(
        update={
            "recipe": "error_bar",
            "uncertainty": merge(bar.parts) or None,
            "wall_s": options.clock.monotonic_s() - began_s,
            "cpu_s": processor_s() - used_s,
        }
    )
    return Computed(
        result,
        dataclasses.replace(own.cluster, notes=notes),
        own.software,
        f"{own.settings}; error bar: differences at {bar.working.name}, starts at gfnff",
        (
            _details(bar),
            ResultFile.text("error_bar_notes.txt", "".join(f"{note}\n" for note in notes)),
        ),
    )


@dataclass(eq=False)
class _Bar:
    """One error bar under way.

    Attributes:
        cluster: As cut.
        own: The answer in question.
        level: Its level.
        options: Its settings, without a checkpoint.
        watch: Told of every step.
        twins: Energies of pristine twins.
        began_s: When it began, on the options' clock.
        parts: Found so far.
        notes: Why others are missing, in words.
        details: How each part came about.
    """

    cluster: Cluster
    own: Computed
    level: Level
    options: Options
    watch: Watcher | None
    twins: TwinEnergies | None
    began_s: float
    parts: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    details: dict[str, object] = field(default_factory=dict)

    @cached_property
    def working(self) -> Level:
        """The level that computes differences: this one, or a cheap one where this is dear."""
        if self.level.name in CHEAP or not self.level.can_react:
            return self.level
        try:
            return choose_level(CHEAP[0])
        except LevelUnavailableError:
            return self.level

    @cached_property
    def at_working(self) -> Computed:
        """The cluster's own answer at the level that computes differences."""
        return self.own if self.working is self.level else self.relaxed(self.cluster)

    def relaxed(self, cluster: Cluster) -> Computed:
        """Relax another cluster at the level that computes differences."""
        left = None
        if self.options.max_wall_s is not None:
            left = max(self.options.max_wall_s - self.spent_s, 1e-3)
        options = dataclasses.replace(self.options, max_wall_s=left)
        return run(cluster, "relax", self.working, options, self.watch, self.twins)

    @property
    def spent_s(self) -> float:
        """Wall time so far, s."""
        return self.options.clock.monotonic_s() - self.began_s

    def check(self, step: int, _: Array) -> None:
        """End a calculation where somebody asked for a stop, or the time is up.

        Raises:
            UnfinishedError: So it is.
        """
        limit_s = self.options.max_wall_s
        if self.options.stop.is_set() or (limit_s is not None and self.spent_s >= limit_s):
            raise UnfinishedError(step, None)

    def attempt(self, name: str, part: _Part, variants: tuple[Variant, ...]) -> None:
        """Compute a part; where it fails it is absent, and a note says why.

        Raises:
            UnfinishedError: Somebody asked for a stop.
        """
        try:
            part(self, variants)
        except (LevelUnavailableError, SimulationError, StructureError) as error:
            self.notes.append(f"{name} is missing: {error.message}")
        except UnfinishedError:
            if self.options.stop.is_set():
                raise
            self.notes.append(f"{name} is missing: the time allowed was up")


def _numerics(bar: _Bar, _: tuple[Variant, ...]) -> None:
    """Find what the forces left at the end are worth."""
    final = bar.own.cluster
    system = System(final.numbers, final.charge, final.unpaired, final.lattice_A)
    forces = bar.level.potential(system, bar.options.numerics).evaluate(final.positions_A)
    hessian = model_hessian(
        choose_level("gfnff").potential(system), final.positions_A, all_free(final)
    )
    bar.parts["numerics_eV"] = numerics_eV(forces.forces_eV_A, hessian)


def _reservoir(bar: _Bar, _: tuple[Variant, ...]) -> None:
    """Find what the errors of the chemical potentials are worth."""
    exchange = plan_exchange(bar.cluster, bar.level)
    if isinstance(exchange, NoTwin):
        bar.notes.append(f"reservoir_eV is missing: {exchange.reason}")
        return
    errors = chemical_potentials().get("mu_error_eV", {}).get(bar.level.name, {})
    value = reservoir_eV(exchange.added, errors)
    if value is None:
        unknown = ", ".join(sorted(set(exchange.added) - set(errors)))
        bar.notes.append(f"reservoir_eV is missing: no error of {unknown} at {bar.level.name}")
        return
    bar.parts["reservoir_eV"] = value


def _starts(bar: _Bar, _: tuple[Variant, ...]) -> None:
    """Find what other starts within the errors of the atoms end in."""
    starts = sample_starts(bar.cluster, bar.options.seed, bar.watch, bar.check)
    bar.details["starts"] = {
        "n": starts.n,
        "changed": starts.changed,
        "failed": starts.failed,
        "other_rings": dict(starts.others),
    }
    if bar.cluster.sigma_A is None:
        bar.notes.append("topology_share is missing: no standard errors of the atoms are known")
    else:
        bar.parts |= {"topology_share": starts.share, "topology_error_share": starts.error}
    if starts.lowest_A is None:
        bar.notes.append("starts_eV is missing: no start ended in the same topology")
        return
    other = bar.relaxed(bar.cluster.moved(starts.lowest_A))
    if other.result.rings["after"] != bar.at_working.result.rings["after"]:
        bar.notes.append("starts_eV is missing: the lowest start changed its rings later")
        return
    change = other.result.energy_eV - bar.at_working.result.energy_eV
    bar.parts["starts_eV"] = abs(change)
    if change < -bar.options.fmax_eV_A:
        bar.notes.append(f"another start of the same rings ends {-change:.2f} eV lower")


def _alternatives(bar: _Bar, variants: tuple[Variant, ...]) -> None:
    """Find how far other readings of the place lie from this one."""
    asked = [variant for variant in variants if variant.kind == "alternative"]
    mine = _own_formation(bar)
    energies: list[tuple[float, float]] = []
    left_out: list[float] = []
    for variant in asked:
        weight = variant.weight or 0.0
        found = None if variant.name == LEFT_OUT else _formation(bar, variant)
        if found is None:
            left_out.append(weight)
        else:
            energies.append((weight, found))
    bar.details["alternatives"] = {
        "left_out_share": any_of(left_out),
        "computed": [{"weight": weight, "formation_eV": e} for weight, e in energies],
        "names": [variant.name for variant in asked],
    }
    if energies or not asked:
        bar.parts["alternatives_eV"] = spread_eV(mine, energies)
    if left_out:
        bar.parts["alternatives_left_out_share"] = any_of(left_out)


def _own_formation(bar: _Bar) -> float:
    """Return the formation energy that variants are compared with, eV.

    Raises:
        StructureError: The answer has none.
    """
    energies = bar.own.result.formation_eV, bar.at_working.result.formation_eV
    if energies[0] is None or energies[1] is None:
        raise StructureError(
            "the answer has no formation energy to compare with.",
            remedy="Ask for a level that has chemical potentials of these elements.",
        )
    return energies[1]


def _formation(bar: _Bar, variant: Variant) -> float | None:
    """Return a variant's formation energy, eV, or None with a note."""
    try:
        found = bar.relaxed(parse_cluster(variant.structure)).result.formation_eV
    except (SimulationError, StructureError) as error:
        bar.notes.append(f"{variant.name} is left out: {error.message}")
        return None
    if found is None:
        bar.notes.append(f"{variant.name} is left out: it has no formation energy")
    return found


def _size(bar: _Bar, variants: tuple[Variant, ...]) -> None:
    """Find what an endless sheet would say differently, from a larger cut."""
    larger = next((variant for variant in variants if variant.kind == "larger"), None)
    mine = _own_formation(bar)
    if larger is None:
        raise StructureError("there is no larger cut.", remedy="Pick a place with more sheet.")
    found = _formation(bar, larger)
    if found is None:
        bar.notes.append(f"size_eV is missing: the {larger.name} gave no formation energy")
        return
    heavy = [int((c.numbers > 1).sum()) for c in (bar.cluster, parse_cluster(larger.structure))]
    if heavy[1] <= heavy[0]:
        raise StructureError("the larger cut has no more atoms.", remedy="Cut it larger.")
    bar.parts["size_eV"] = size_eV((mine, heavy[0]), (found, heavy[1]))
    bar.details["size"] = {
        "name": larger.name,
        "formation_eV": [mine, found],
        "heavy_atoms": heavy,
        "level": bar.working.name,
    }


_Part: TypeAlias = Callable[[_Bar, tuple[Variant, ...]], None]

PARTS: Final[Mapping[str, _Part]] = {
    "numerics_eV": _numerics,
    "reservoir_eV": _reservoir,
    "starts_eV": _starts,
    "alternatives_eV": _alternatives,
    "size_eV": _size,
}
"""In the order they are computed: the cheapest first, should the time be up."""


def _details(bar: _Bar) -> ResultFile:
    content = {"parts": merge(bar.parts), "differences_at": bar.working.name, **bar.details}
    text = json.dumps(content, indent=2, sort_keys=True)
    return ResultFile.text("error_bar.json", text, "application/json")
