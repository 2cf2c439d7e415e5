"""The shape of a defect: a name for its bond graph that no rotation, mirror or listing changes.

Weisfeiler-Lehman colours: every atom starts with its element *and the sizes of the rings about it*,
then takes up its neighbours' colours, twice. Without the rings the colours could not tell a
Stone-Wales defect from bare graphene: both are carbon with three bonds everywhere, the textbook
case in which Weisfeiler-Lehman fails. The rings are those of the measured geometry.

Names are kept in the database for the length of a session and beyond, so the colours are computed
here, from fixed integer arithmetic, and not by a library whose hashes change with its version
(networkx 3.5 changed its own). Tests hold them against networkx all the same.

References:
    Shervashidze et al., J. Mach. Learn. Res. 12, 2539 (2011): the colours and their multisets as
    a measure of likeness. Steele et al., OOPSLA (2014), doi:10.1145/2660193.2660195: the mixing
    function (SplitMix64).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from shared.lattice import LatticeView

__all__ = ["BONDS", "Colouring", "Shape", "likeness"]

Colours: TypeAlias = NDArray[np.uint64]

BONDS: Final = 2
"""The neighbourhood: atoms within so many bonds of the defect's own."""

ROUNDS: Final = 2
"""Times that neighbours' colours are taken up; a colour then speaks of two bonds around."""

HOLE_RING: Final = 15
"""Rings from this size are holes, all alike."""

_ELEMENT: Final = np.uint64(0x9E3779B97F4A7C15)
_RING: Final = np.uint64(0xD1B54A32D192ED03)
_SELF: Final = np.uint64(0x8CB92BA72F3D8DD7)


@dataclass(frozen=True, slots=True)
class Shape:
    """The neighbourhood of a defect as a graph.

    Attributes:
        name: The same for the same graph, in every orientation and listing.
        colours: (colour, number of atoms that have it), ascending; colours of all rounds.
    """

    name: str
    colours: tuple[tuple[int, int], ...] = field(compare=False)


@lru_cache(maxsize=4096)
def likeness(first: Shape, second: Shape) -> float:
    """Return how alike two neighbourhoods are: 1 = the same graph, 0 = nothing in common.

    The Jaccard index of the two multisets of colours.
    """
    one, other = dict(first.colours), dict(second.colours)
    both = one.keys() | other.keys()
    shared = sum(min(one.get(colour, 0), other.get(colour, 0)) for colour in both)
    either = sum(max(one.get(colour, 0), other.get(colour, 0)) for colour in both)
    return shared / either if either else 0.0


class Colouring:
    """The colours of every atom of a frame, computed once.

    Args:
        view: The frame's lattice.
    """

    def __init__(self, view: LatticeView) -> None:
        self._view = view
        self._place = {int(listed): present for present, listed in enumerate(view.index)}
        self._rounds = _colour(view)

    def shape(self, listed: Iterable[int]) -> Shape | None:
        """Return the shape about some atoms.

        Args:
            listed: The atoms of the defect, as indices into the frame's list.

        Returns:
            None where none of them is there, or where the neighbourhood was not imaged whole.
        """
        roots = [self._place[index] for index in listed if index in self._place]
        return self.shape_about(roots)

    def shape_about(self, roots: Sequence[int]) -> Shape | None:
        """Return the shape about present atoms (indices into the view); see `shape`."""
        members = self._within(roots, BONDS)
        if not roots or len(members) == len(set(roots)):
            return None
        if self._view.open[self._within(members, ROUNDS)].any():
            return None
        counts = Counter(
            int(colour) for colours in self._rounds for colour in colours[members].tolist()
        )
        pairs = tuple(sorted(counts.items()))
        text = ",".join(f"{colour}:{number}" for colour, number in pairs)
        return Shape(blake3(text.encode()).hexdigest()[:16], pairs)

    def _within(self, roots: Sequence[int], bonds: int) -> list[int]:
        """Return the atoms within a number of bonds, the roots first."""
        found = dict.fromkeys(roots)
        frontier = list(found)
        for _ in range(bonds):
            reached = (near for atom in frontier for near in self._view.graph.neighbours[atom])
            frontier = [atom for atom in dict.fromkeys(reached) if atom not in found]
            found |= dict.fromkeys(frontier)
        return list(found)


def _colour(view: LatticeView) -> tuple[Colours, ...]:
    """Return (n,) colours of every round, the start included."""
    symbols, which = np.unique(view.elements, return_inverse=True)
    names = [int.from_bytes(blake3(str(symbol).encode()).digest(8), "little") for symbol in symbols]
    colours = _mixed(np.array(names, dtype=np.uint64)[which] + _ELEMENT)
    around = np.zeros(len(colours), dtype=np.uint64)
    if view.rings.rings:
        sizes = np.minimum(view.rings.sizes, HOLE_RING).astype(np.uint64)
        corners = np.repeat(_mixed(sizes + _RING), view.rings.sizes)
        np.add.at(around, np.concatenate(view.rings.rings), corners)
    rounds = [_mixed(colours + around)]
    first, second = view.graph.pairs.T
    for _ in range(ROUNDS):
        seen = _mixed(rounds[-1])
        around = np.zeros(len(colours), dtype=np.uint64)
        np.add.at(around, first, seen[second])
        np.add.at(around, second, seen[first])
        rounds.append(_mixed(_mixed(rounds[-1] + _SELF) + around))
    return tuple(rounds)


def _mixed(words: Colours) -> Colours:
    """Return words scattered over all 64 bits (the finaliser of SplitMix64)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Colours = words ^ (words >> np.uint64(31))
    return mixed
