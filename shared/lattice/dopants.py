"""Foreign atoms in the sheet: silicon by the carbon around it, B, N, O, and the unknown.

How many carbon atoms surround a silicon is a count of uncertain things: each candidate neighbour
is there with its own probability, and bonded with one that falls across the cut-off. The count's
distribution (Poisson-binomial) decides between three- and four-fold and says how surely.
Projected Si-C distances are about 1.6-1.75 Å three-fold (the silicon sticks out) and 1.8-1.9 Å
four-fold (Zhou et al., doi:10.1103/PhysRevLett.109.206803); the next carbons are at 2.6 Å.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.lattice.finding import LatticeDefect, report
from shared.lattice.view import LatticeView
from shared.messages import DefectType

__all__ = ["carbon_count_distribution", "find_dopants"]

SUBSTITUTES: Final[dict[str, DefectType]] = {"B": "sub_B", "N": "sub_N", "O": "sub_O"}

CLUSTERS: Final[dict[int, DefectType]] = {2: "Si_dimer", 3: "Si_trimer", 4: "Si_tetramer"}

SINGLES: Final[dict[int, DefectType]] = {3: "Si_C3", 4: "Si_C4"}

SILICON_REACH_A: Final = 2.2
"""Si-C distance at which bonded and not bonded are equally likely (1.2 covalent radii)."""

REACH_WIDTH_A: Final = 0.06
"""Width of that transition: the scatter of a distance between positions good to 0.07 Å."""

SATURATION_A: Final = 0.25
"""How much shorter the reach is to a carbon that has three other bonds, and how much longer to
one that lacks a bond: the next carbons of a three-fold silicon are saturated, and noise and
strain bring them to 2.2 Å."""

WIDEST_GAP: Final = 1.1 * np.pi
"""A silicon whose bonds leave a wider angle free is at an edge, otherwise within the sheet."""

SEEN_DEPTH_A: Final = SILICON_REACH_A
"""A silicon deeper in the frame than this has all its neighbours in the frame."""

CARBON_BONDS: Final = 3

BONDED_ODDS: Final = 1.0
"""Log-odds that two other bonds add to a neighbour's presence: of atoms listed at p = 0.6 that
fit the lattice three in four are there. Beside silicon the doubt is mostly about the element."""

MERGED_A: Final = 1.1
"""A candidate nearer to a silicon than this is the silicon itself, listed twice."""

STRANGE: Final = 0.5
"""Factor for a substituent that has neither two nor three neighbours."""


def find_dopants(view: LatticeView) -> Iterator[LatticeDefect]:
    """Yield the foreign atoms and silicon clusters of the sheet."""
    overlays = set(view.overlays)
    done: set[int] = set()
    for atom in np.flatnonzero(view.elements != "C").tolist():
        if atom in done or atom in overlays:
            continue
        if view.elements[atom] == "Si":
            group = _silicon_group(view, atom)
            done.update(group)
            yield from _silicon(view, group)
        else:
            yield from _other(view, atom)


def carbon_count_distribution(
    distances_A: NDArray[np.float64],
    p: NDArray[np.float64],
    reach_A: NDArray[np.float64] | float = SILICON_REACH_A,
) -> NDArray[np.float64]:
    """Return (k + 1,) probabilities that 0, 1, ... k of k candidates are bonded to a silicon.

    Args:
        distances_A: (k,) projected distances of the candidates, Å.
        p: (k,) probabilities that the candidates are there.
        reach_A: (k,) distances at which each is as likely bonded as not, Å.
    """
    bonded = p / (1.0 + np.exp(np.clip((distances_A - reach_A) / REACH_WIDTH_A, -50, 50)))
    counts = np.ones(1)
    for chance in bonded:
        counts = np.convolve(counts, (1.0 - chance, chance))
    return counts


def _silicon_group(view: LatticeView, first: int) -> tuple[int, ...]:
    """Return the silicon atoms bonded to one, directly or through others, ascending."""
    group, frontier = {first}, [first]
    while frontier:
        for other in view.graph.neighbours[frontier.pop()]:
            if view.elements[other] == "Si" and other not in group:
                group.add(other)
                frontier.append(other)
    return tuple(sorted(group))


def _silicon(view: LatticeView, group: tuple[int, ...]) -> Iterator[LatticeDefect]:
    """Yield the class of one silicon atom or cluster whose surroundings were imaged."""
    if not all(_surroundings_seen(view, atom) for atom in group):
        return
    if len(group) == 1:
        yield _single(view, group[0])
    else:
        yield report(view, CLUSTERS.get(len(group), "unknown"), group)


def _surroundings_seen(view: LatticeView, atom: int) -> bool:
    """Return whether all neighbours of a silicon had to be in view."""
    if not view.open[atom] or _enclosed(view, atom):
        return True
    return bool(np.isfinite(view.depth_A[atom]) and view.depth_A[atom] >= SEEN_DEPTH_A)


def _single(view: LatticeView, atom: int) -> LatticeDefect:
    """Return the class of a lone silicon: at an edge, three- or four-fold, or unknown."""
    if view.at_edge[atom] and not _enclosed(view, atom):
        return report(view, "Si_edge", (atom,))
    counts = carbon_count_distribution(*_candidates(view, atom))
    best = max((k for k in SINGLES if k < len(counts)), key=lambda k: float(counts[k]), default=0)
    if best and counts[best] >= 1.0 - counts[3:].sum():
        return report(view, SINGLES[best], (atom,), clean=float(counts[best]))
    return report(view, "unknown", (atom,), clean=float(1.0 - counts[3:5].sum()))


def _enclosed(view: LatticeView, atom: int) -> bool:
    """Return whether an atom's bonds surround it."""
    around = list(view.graph.neighbours[atom])
    if len(around) < 3:
        return False
    x, y = (view.positions_A[around] - view.positions_A[atom]).T
    angles = np.sort(np.arctan2(y, x))
    return bool(np.diff(angles, append=angles[0] + 2 * np.pi).max() < WIDEST_GAP)


def _candidates(
    view: LatticeView, atom: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return distances, probabilities and reach of the atoms that may be a silicon's neighbours."""
    away = np.hypot(*(view.positions_A - view.positions_A[atom]).T)
    widest = SILICON_REACH_A + SATURATION_A + 4 * REACH_WIDTH_A
    near = (away > MERGED_A) & (away < widest)
    near[list(view.overlays)] = False
    others = np.flatnonzero(near)
    bonds = np.array([_other_bonds(view, int(k), atom) for k in others], dtype=np.int64)
    reach = SILICON_REACH_A + SATURATION_A * np.where(bonds < CARBON_BONDS, 1.0, -1.0)
    odds = np.log(view.p[others]) - np.log1p(-np.minimum(view.p[others], 1 - 1e-9))
    there = 1.0 / (1.0 + np.exp(-odds - BONDED_ODDS * (bonds >= 2)))
    faint = np.hypot(*(view.faint_A - view.positions_A[atom]).T)
    close = (faint > MERGED_A) & (faint < widest)
    return (
        np.concatenate([away[others], faint[close]]),
        np.concatenate([there, view.faint_p[close]]),
        np.concatenate([reach, np.full(int(close.sum()), SILICON_REACH_A)]),
    )


def _other_bonds(view: LatticeView, atom: int, silicon: int) -> int:
    """Return how many bonds an atom has besides the one to a silicon."""
    return sum(k != silicon for k in view.graph.neighbours[atom])


def _other(view: LatticeView, atom: int) -> Iterator[LatticeDefect]:
    """Yield a B, N, O or unknown atom that is part of the sheet."""
    bonds = int(view.graph.coordination[atom])
    if bonds == 0 or view.open[atom]:
        return
    kind = SUBSTITUTES.get(str(view.elements[atom]), "unknown")
    yield report(view, kind, (atom,), clean=1.0 if bonds in (2, 3) else STRANGE)
