"""How a calculation is set up: as the paper did it, or as cheaply with the same physics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from shared.errors import ConfigurationError
from shared.messages.simulation import RecipeOptions
from sim_dispatcher.levels.potential import Array
from sim_dispatcher.levels.programs.calculation import GAMMA, Calculation, Kind, Mesh
from sim_dispatcher.recipes.selective import (
    Mask,
    all_free,
    hydrogen_fixed,
    only_z_free,
    perimeter_fixed,
)
from sim_dispatcher.structure.cluster import Cluster

__all__ = ["PRESETS", "Preset", "calculation"]

PAPER_BOX_A: Final = 25.786
"""Edge of the paper's cube."""

LEAST_VACUUM_A: Final = 2.5
"""Between a flake and the wall; what does not fit the paper's cube keeps its own box."""

_WHAT: Final[dict[str, tuple[Kind, Callable[[Cluster], Mask]]]] = {
    "single_point": ("point", all_free),
    "relax": ("relax", all_free),
    "relax_perimeter": ("relax", perimeter_fixed),
    "relax_z": ("relax", only_z_free),
    "relax_h": ("relax", hydrogen_fixed),
    "md": ("md", all_free),
}
"""Kind of calculation and selective dynamics of each recipe that is one run of one program."""


@dataclass(frozen=True)
class Preset:
    """Settings that the recipe's options do not carry.

    Attributes:
        name: `paper` or `gamma`.
        mesh: k-points.
        fmax_eV_A: Force criterion, eV/Å; None = the options'.
        box_A: Edge of the cube around a molecule, Å; None = the structure's own box.
    """

    name: Literal["paper", "gamma"]
    mesh: Mesh
    fmax_eV_A: float | None
    box_A: float | None


PRESETS: Final = {
    "paper": Preset("paper", (2, 2, 2), 1e-3, PAPER_BOX_A),
    "gamma": Preset("gamma", GAMMA, None, None),
}
"""The paper's own, and Gamma alone: an eighth of the cost and the same physics in vacuum."""


def calculation(
    cluster: Cluster, recipe: str, options: RecipeOptions, preset: Preset
) -> Calculation:
    """Return what a program is to do.

    Args:
        cluster: The structure.
        recipe: Its name.
        options: Steps, temperature, and the force criterion where the preset leaves it.
        preset: A value of `PRESETS`.

    Raises:
        ConfigurationError: The recipe takes more than one run of a program.
    """
    kind, free = _plan(cluster, recipe)
    lattice, positions = _box(cluster, preset)
    return Calculation(
        kind=kind,
        symbols=cluster.symbols,
        positions_A=positions,
        lattice_A=lattice,
        free=free,
        title=f"AtomLoop {recipe} {cluster.digest[:12]} preset {preset.name}",
        periodic=cluster.lattice_A is not None,
        charge=cluster.charge,
        unpaired=cluster.unpaired,
        mesh=preset.mesh,
        fmax_eV_A=preset.fmax_eV_A or options.fmax_eV_A,
        steps=_steps(kind, options),
        timestep_fs=options.timestep_fs,
        temperature_K=options.temperature_K,
    )


def _plan(cluster: Cluster, recipe: str) -> tuple[Kind, Mask]:
    if recipe not in _WHAT:
        raise ConfigurationError(
            f"Recipe {recipe!r} is more than one run of one program, so it has no input set.",
            remedy=f"Choose one of {', '.join(_WHAT)}.",
        )
    kind, mask = _WHAT[recipe]
    return kind, mask(cluster)


def _steps(kind: Kind, options: RecipeOptions) -> int:
    if kind == "md":
        return round(options.duration_fs / options.timestep_fs)
    return options.max_steps


def _box(cluster: Cluster, preset: Preset) -> tuple[Array, Array]:
    """Return the cell and the positions in it: a crystal's own, or a box around a molecule."""
    if cluster.lattice_A is not None:
        return cluster.lattice_A, cluster.positions_A
    low, high = cluster.positions_A.min(axis=0), cluster.positions_A.max(axis=0)
    edges = np.array(cluster.cell_A)
    if preset.box_A is not None and (high - low).max() + 2 * LEAST_VACUUM_A <= preset.box_A:
        edges = np.full(3, preset.box_A)
    return np.diag(edges), cluster.positions_A + (edges - high - low) / 2
