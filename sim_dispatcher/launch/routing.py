"""Where jobs go: the categories that launchers serve, and who decides among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from shared.messages.simulation import Level, Recipe
from sim_dispatcher.launch.queue_request import QueueRequest
from sim_dispatcher.ledger import JobSpec

__all__ = ["BATCH", "LOCAL", "LONG", "QUICK", "STAGING", "LocalRouter", "Route", "Router"]

STAGING: Final = "atomloop-staging"
"""The category of fireworks that no launcher serves yet."""

QUICK: Final = "atomloop-quick"
"""Jobs of about a second, which an engine of their own serves on the dispatcher's host."""

LOCAL: Final = "atomloop-local"
"""Jobs of seconds to a minute on the dispatcher's host: a defect's relaxation by tight binding."""

LONG: Final = "atomloop-long"
"""Jobs of minutes to hours on the dispatcher's host; nothing shorter waits behind them."""

BATCH: Final = "atomloop-batch"
"""Jobs that wait for `qlaunch`, or `sim-dispatcher batch feed`, to hand them to Slurm."""

QUICK_LEVELS: Final[frozenset[Level]] = frozenset({"gfnff"})
QUICK_RECIPES: Final[frozenset[Recipe]] = frozenset(
    {"single_point", "relax", "relax_perimeter", "relax_z", "relax_h", "image"}
)

PROMPT_LEVELS: Final[frozenset[Level]] = frozenset({"gfnff", "gfn1", "gfn2"})
LONG_RECIPES: Final[frozenset[Recipe]] = frozenset({"md", "neb", "adsorb", "error_bar"})


@dataclass(frozen=True)
class Route:
    """Where a job goes.

    Attributes:
        category: The fireworker category.
        request: What it asks of the batch system; None where it does not go there.
    """

    category: str
    request: QueueRequest | None = None


class Router(Protocol):
    """Decides where jobs go."""

    def route(self, spec: JobSpec) -> Route:
        """Return where a job goes."""
        ...

    def queue(self, priority: float) -> str | None:
        """Return the partition of jobs of a priority; None where there is no batch system."""
        ...


class LocalRouter:
    """Sends everything to launchers on the dispatcher's host."""

    def route(self, spec: JobSpec) -> Route:
        """Return the category by how long the job is going to take."""
        if spec.level in QUICK_LEVELS and spec.recipe in QUICK_RECIPES:
            return Route(QUICK)
        prompt = spec.level in PROMPT_LEVELS and spec.recipe not in LONG_RECIPES
        return Route(LOCAL if prompt else LONG)

    def queue(self, priority: float) -> None:
        """Return nothing: there is no batch system."""
        del priority
