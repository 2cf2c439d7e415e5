"""What each recipe relaxes, and whether it asks for a formation energy.

A recipe is a row of this table; the runner does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from shared.errors import ConfigurationError
from shared.messages.simulation import Recipe as RecipeName
from sim_dispatcher.structure.cluster import Cluster

__all__ = ["RECIPES", "Plan", "find_recipe"]

Mask: TypeAlias = NDArray[np.bool_]


def _all_free(cluster: Cluster) -> Mask:
    return np.ones((len(cluster), 3), dtype=bool)


def _perimeter_fixed(cluster: Cluster) -> Mask:
    free = _all_free(cluster)
    free[cluster.indices("rim", "cap")] = False
    return free


def _only_z_free(cluster: Cluster) -> Mask:
    free = np.zeros((len(cluster), 3), dtype=bool)
    free[:, 2] = True
    return free


def _hydrogen_fixed(cluster: Cluster) -> Mask:
    free = _all_free(cluster)
    free[np.array([symbol == "H" for symbol in cluster.symbols])] = False
    return free


@dataclass(frozen=True)
class Plan:
    """One recipe.

    Attributes:
        name: As the contract calls it.
        free: Which coordinates may move.
        moves: Whether they do; a single point only looks.
        formation: `wanted` = given where a pristine twin and potentials exist, else left out;
            `required` = refused without; `none` = not defined, as the twin would have to be held
            in the same places, too.
    """

    name: RecipeName
    free: Callable[[Cluster], Mask]
    moves: bool = True
    formation: Literal["none", "wanted", "required"] = "none"


RECIPES: Final[Mapping[str, Plan]] = MappingProxyType(
    {
        plan.name: plan
        for plan in (
            Plan("single_point", _all_free, moves=False),
            Plan("relax", _all_free, formation="wanted"),
            Plan("relax_perimeter", _perimeter_fixed),
            Plan("relax_z", _only_z_free),
            Plan("relax_h", _hydrogen_fixed),
            Plan("formation", _all_free, formation="required"),
        )
    }
)
"""Every recipe this version runs. The selective ones are the paper's a, b and c."""


def find_recipe(name: str) -> Plan:
    """Look a recipe up.

    Raises:
        ConfigurationError: Unknown, or named by the contract but not part of this version.
    """
    if name in RECIPES:
        return RECIPES[name]
    known = name in get_args(RecipeName)
    raise ConfigurationError(
        f"Recipe {name!r} is {'not part of this version' if known else 'unknown'}.",
        remedy=f"Choose one of {', '.join(RECIPES)}.",
    )
