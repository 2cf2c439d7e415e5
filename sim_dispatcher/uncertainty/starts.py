"""Would the same atoms, drawn again within their errors, end in another structure?

Positions are drawn from each atom's standard error, heights from a normal distribution wide
enough to leave the flat saddle, and relaxed by the force field (about 0.2 s of processor time
each). Its bonds are those it sees at the start, so a draw that connects the atoms otherwise ends
otherwise; that is what is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from shared.errors import SimulationError
from sim_dispatcher.levels import Level, System, choose_level
from sim_dispatcher.levels.potential import Array
from sim_dispatcher.recipes.hessian import model_hessian
from sim_dispatcher.recipes.minimise import Descent, Watcher, minimise
from sim_dispatcher.structure.bonds import bonded_pairs, neighbours
from sim_dispatcher.structure.census import ring_census
from sim_dispatcher.structure.cluster import Cluster

__all__ = ["Starts", "sample_starts"]

LEAST_STARTS: Final = 16
"""Draws of every bar; as many again where a few of them, but not most, ended otherwise."""

MOST_STARTS: Final = 32

HEIGHT_A: Final = 0.1
"""Standard deviation of the height of each atom in a draw, Å."""

FMAX: Final = 0.1
"""Force at which a draw is relaxed enough to count its bonds, eV/Å."""

STEPS: Final = 100


@dataclass(frozen=True, eq=False)
class Starts:
    """What the draws ended in.

    Attributes:
        n: Draws.
        changed: Those that ended in another bond graph.
        failed: Those among them that fell apart before they ended in anything.
        lowest_A: (n, 3) positions of the lowest draw with the same bonds, Å; None without one.
        others: How often each other ring census was met, as text.
    """

    n: int
    changed: int
    failed: int
    lowest_A: Array | None
    others: tuple[tuple[str, int], ...]

    @property
    def share(self) -> float:
        """Share of draws that ended in another topology."""
        return self.changed / self.n

    @property
    def error(self) -> float:
        """Binomial standard error of the share, by Agresti and Coull (two and two added)."""
        n = self.n + 4
        p = (self.changed + 2) / n
        return sqrt(p * (1 - p) / n)


def sample_starts(
    cluster: Cluster,
    seed: int,
    watch: Watcher | None = None,
    keep: Callable[[int, Array], None] | None = None,
) -> Starts:
    """Draw starts from a cluster's standard errors and relax each by GFN-FF.

    Args:
        cluster: As cut; `sigma_A` says how far each place may be off. Where it says nothing,
            heights alone are drawn.
        seed: Of the draws.
        watch: Told of every step, as of stage `starts`.
        keep: Called after each step; what it raises ends the draws.

    Returns:
        What they ended in, compared with where the cluster itself ends.

    Raises:
        LevelUnavailableError: GFN-FF cannot run here.
        SimulationError: The cluster itself cannot be relaxed by it.
    """
    level = choose_level("gfnff")
    free = np.ones((len(cluster), 3), dtype=bool)
    surface = level.potential(_system(cluster))
    hessian = model_hessian(surface, cluster.positions_A, free)
    descent = Descent(free, FMAX, STEPS, hessian, stage="starts", keep=keep)
    own = minimise(surface, cluster.positions_A, descent, watch)
    ends = _Ends(cluster, own.positions_A)
    generator = np.random.default_rng(seed)
    for k in range(MOST_STARTS):
        if k >= LEAST_STARTS and ends.settled:
            break
        ends.add(level, _drawn(cluster, generator), descent, watch)
    return ends.counted()


class _Ends:
    """Where draws ended, told apart by what is bonded to what."""

    def __init__(self, cluster: Cluster, own_A: Array) -> None:
        self._cluster = cluster
        self._own = _graph(cluster, own_A)
        self._lowest: tuple[float, Array] | None = None
        self._changed: Counter[str] = Counter()
        self._same = self._failed = 0

    @property
    def settled(self) -> bool:
        """Whether more draws would tell little: all alike so far, or most of them changed."""
        changed = self._changed.total() + self._failed
        return changed == 0 or changed >= self._same

    def add(self, level: Level, start_A: Array, descent: Descent, watch: Watcher | None) -> None:
        """Relax one draw on a surface of its own, as bonds are fixed when it is set up."""
        try:
            surface = level.potential(_system(self._cluster))
            found = minimise(surface, start_A, descent, watch)
        except SimulationError:
            self._failed += 1
            return
        if not np.array_equal(_graph(self._cluster, found.positions_A), self._own):
            census = ring_census(self._cluster.symbols, found.positions_A)
            self._changed[", ".join(f"{n} x {size}" for size, n in census.items())] += 1
            return
        self._same += 1
        if self._lowest is None or found.energy_eV < self._lowest[0]:
            self._lowest = found.energy_eV, found.positions_A

    def counted(self) -> Starts:
        """Return the result of all draws."""
        changed = self._changed.total() + self._failed
        return Starts(
            n=self._same + changed,
            changed=changed,
            failed=self._failed,
            lowest_A=None if self._lowest is None else self._lowest[1],
            others=tuple(self._changed.most_common()),
        )


def _system(cluster: Cluster) -> System:
    return System(cluster.numbers, cluster.charge, cluster.unpaired, cluster.lattice_A)


def _graph(cluster: Cluster, positions_A: Array) -> Array:
    """Return the bonds among heavy atoms; hydrogen only follows its carrier."""
    pairs = bonded_pairs(cluster.symbols, positions_A)
    heavy = cluster.numbers > 1
    graph: Array = pairs[heavy[pairs].all(axis=1)].astype(np.float64)
    return graph


def _drawn(cluster: Cluster, generator: np.random.Generator) -> Array:
    """Return one draw of all positions; atoms without an error of their own follow a neighbour."""
    n = len(cluster)
    sigma = np.zeros(n) if cluster.sigma_A is None else cluster.sigma_A
    known = np.isfinite(sigma)
    moves = generator.normal(size=(n, 2)) * np.where(known, sigma, 0.0)[:, None]
    around = neighbours(n, bonded_pairs(cluster.symbols, cluster.positions_A))
    for i in np.flatnonzero(~known).tolist():
        led = [j for j in around[i] if known[j]]
        if led:
            moves[i] = moves[led[0]]
    heights = generator.normal(size=n) * HEIGHT_A
    return cluster.positions_A + np.column_stack([moves, heights])
