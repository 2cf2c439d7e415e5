"""The files of an input set, by level."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from shared.errors import ConfigurationError
from shared.messages.simulation import RecipeOptions
from sim_dispatcher.inputs.gpaw_script import gpaw_script
from sim_dispatcher.inputs.presets import PRESETS, calculation
from sim_dispatcher.levels.programs.calculation import Calculation
from sim_dispatcher.levels.programs.dftbplus_input import SLATER_KOSTER, dftb_files
from sim_dispatcher.levels.programs.espresso_input import pw_input
from sim_dispatcher.levels.programs.vasp_input import potentials_note, vasp_files
from sim_dispatcher.structure.cluster import Cluster

__all__ = ["INPUT_LEVELS", "input_set"]


def _vasp(task: Calculation) -> dict[str, str]:
    return vasp_files(task) | {"POTCAR.never-run.txt": potentials_note(task)}


def _dftb(task: Calculation) -> dict[str, str]:
    return dftb_files(task, f"{SLATER_KOSTER}/")


def _espresso(task: Calculation) -> dict[str, str]:
    return {"pw.in": pw_input(task, "pseudo")}


def _gpaw(task: Calculation) -> dict[str, str]:
    return {"run.py": gpaw_script(task)}


INPUT_LEVELS: Final[Mapping[str, Callable[[Calculation], dict[str, str]]]] = MappingProxyType(
    {"vasp": _vasp, "dftb": _dftb, "qe": _espresso, "gpaw": _gpaw}
)
"""Levels that have input sets."""


def input_set(
    cluster: Cluster,
    recipe: str,
    options: RecipeOptions,
    level: str = "vasp",
    preset: str = "paper",
) -> dict[str, str]:
    """Return the files that a program needs for a recipe, text by name.

    Args:
        cluster: The structure.
        recipe: A recipe that is one run of one program.
        options: As for any calculation.
        level: A key of `INPUT_LEVELS`.
        preset: `paper` or `gamma`.

    Raises:
        ConfigurationError: No such set exists, or the program has no such calculation.
        SimulationError: The program cannot compute this system.
    """
    if level not in INPUT_LEVELS:
        raise ConfigurationError(
            f"Level {level!r} has no input set.",
            remedy=f"Choose one of {', '.join(INPUT_LEVELS)}.",
        )
    if preset not in PRESETS:
        raise ConfigurationError(
            f"There is no preset called {preset!r}.",
            remedy=f"Choose one of {', '.join(PRESETS)}.",
        )
    return INPUT_LEVELS[level](calculation(cluster, recipe, options, PRESETS[preset]))
