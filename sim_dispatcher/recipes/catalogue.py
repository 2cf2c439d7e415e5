"""Every recipe of this version: a name, what it does, and what it asks of a level.

The runner checks, measures and reports; a row only says what is done in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, get_args

from shared.errors import ConfigurationError
from shared.messages.simulation import Recipe as RecipeName
from sim_dispatcher.recipes.adsorption import adsorption
from sim_dispatcher.recipes.barrier import barrier
from sim_dispatcher.recipes.dynamics import dynamics
from sim_dispatcher.recipes.imaging import imaging
from sim_dispatcher.recipes.relaxation import Relaxation
from sim_dispatcher.recipes.selective import hydrogen_fixed, only_z_free, perimeter_fixed
from sim_dispatcher.recipes.task import Outcome, Task

__all__ = ["RECIPES", "Row", "find_recipe"]


@dataclass(frozen=True)
class Row:
    """One recipe.

    Attributes:
        name: As the contract calls it.
        perform: Computes a task.
        reacts: Whether bonds may form and break, so that a level with fixed bonds is refused.
    """

    name: RecipeName
    perform: Callable[[Task], Outcome]
    reacts: bool = False


RECIPES: Final[Mapping[str, Row]] = MappingProxyType(
    {
        row.name: row
        for row in (
            Row("single_point", Relaxation(free=None)),
            Row("relax", Relaxation(formation="wanted")),
            Row("relax_perimeter", Relaxation(perimeter_fixed)),
            Row("relax_z", Relaxation(only_z_free)),
            Row("relax_h", Relaxation(hydrogen_fixed)),
            Row("formation", Relaxation(formation="required")),
            Row("md", dynamics, reacts=True),
            Row("adsorb", adsorption, reacts=True),
            Row("neb", barrier, reacts=True),
            Row("image", imaging),
        )
    }
)
"""Every recipe this version runs. The selective ones are the paper's a, b and c."""


def find_recipe(name: str) -> Row:
    """Look a recipe up.

    Raises:
        ConfigurationError: Unknown, or computed elsewhere.
    """
    if name in RECIPES:
        return RECIPES[name]
    known = name in get_args(RecipeName)
    raise ConfigurationError(
        f"Recipe {name!r} {'is no calculation of its own' if known else 'is unknown'}.",
        remedy=f"Choose one of {', '.join(RECIPES)}.",
    )
