"""Rings: the planar faces of the bond graph, found geometrically.

Every bond is two half-edges. Turning at each atom to the next half-edge in angular order walks
around one face; all faces together are the cycles of one permutation, found without a loop over
atoms. Combinatorial planarity tests do not do: their embedding need not be the measured one.

Atoms that hang on a single bond take part in no ring and are pruned first.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from shared.lattice.bonds import BondGraph

__all__ = ["RingSet", "find_rings"]


@dataclass(frozen=True, eq=False)
class RingSet:
    """Closed faces of a bond graph, and the outlines of its connected pieces."""

    rings: tuple[NDArray[np.int64], ...]
    """Atoms of each inner face in cyclic order; a hole is a large ring."""
    outlines: tuple[NDArray[np.int64], ...]
    """Atoms around the outside of each connected piece, in cyclic order, repeated at pinches."""
    centroids_A: NDArray[np.float64]
    """(k, 2) [x, y] mean position of each ring's atoms, Å."""
    areas_A2: NDArray[np.float64]
    """(k,) area of each ring, Å²."""

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """(k,) number of atoms of each ring."""
        return np.array([len(ring) for ring in self.rings], dtype=np.int64)

    def census(self) -> dict[str, int]:
        """Return how many rings of each size there are, as ``{"5": 2, "6": 30, "7": 2}``."""
        counts = Counter(self.sizes.tolist())
        return {str(size): counts[size] for size in sorted(counts)}


def find_rings(graph: BondGraph) -> RingSet:
    """Return the rings of a bond graph whose bonds do not cross.

    Args:
        graph: From `find_bonds`.

    Returns:
        Rings in a deterministic order; orientation (in an x-right, y-up frame) is
        anticlockwise for rings and clockwise for outlines.
    """
    pairs = _core(graph.pairs, len(graph.positions_A))
    if len(pairs) == 0:
        none = np.empty(0)
        return RingSet((), (), none.reshape(0, 2), none)
    tails, following = _half_edges(graph.positions_A, pairs)
    labels = _cycles(following)
    x, y = graph.positions_A.T
    heads = tails[following]
    cross = x[tails] * y[heads] - x[heads] * y[tails]
    areas = 0.5 * np.bincount(labels, weights=cross)
    faces = _walks(following, tails, labels)
    inner = [k for k, area in enumerate(areas) if area > 0]
    counts = np.bincount(labels)
    sums = np.stack([np.bincount(labels, weights=axis[tails]) for axis in (x, y)], axis=1)
    return RingSet(
        rings=tuple(faces[k] for k in inner),
        outlines=tuple(faces[k] for k, area in enumerate(areas) if area <= 0),
        centroids_A=(sums / counts[:, None])[inner],
        areas_A2=np.asarray(areas[inner], dtype=float),
    )


def _core(pairs: NDArray[np.int64], n_atoms: int) -> NDArray[np.int64]:
    """Return the bonds that remain once chain ends are pruned again and again."""
    while len(pairs):
        degree = np.bincount(pairs.ravel(), minlength=n_atoms)
        kept = (degree[pairs] > 1).all(axis=1)
        if kept.all():
            break
        pairs = pairs[kept]
    return pairs


def _half_edges(
    positions: NDArray[np.float64], pairs: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the tail atom of each half-edge and the half-edge that follows it on its face."""
    n_bonds = len(pairs)
    tails = np.concatenate([pairs[:, 0], pairs[:, 1]])
    heads = np.concatenate([pairs[:, 1], pairs[:, 0]])
    dx, dy = (positions[heads] - positions[tails]).T
    order = np.lexsort((np.arctan2(dy, dx), tails))
    starts = np.searchsorted(tails[order], tails[order], side="left")
    ends = np.searchsorted(tails[order], tails[order], side="right")
    place = np.arange(2 * n_bonds)
    clockwise = np.empty(2 * n_bonds, dtype=np.int64)
    clockwise[order] = order[np.where(place == starts, ends - 1, place - 1)]
    twins = (place + n_bonds) % (2 * n_bonds)
    return tails, clockwise[twins]


def _cycles(following: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of the cycle each element of a permutation belongs to."""
    n = len(following)
    links = coo_array((np.ones(n, dtype=np.int8), (np.arange(n), following)), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _walks(
    following: NDArray[np.int64], tails: NDArray[np.int64], labels: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Return the atoms of every cycle in walking order, all cycles stepped at once."""
    counts = np.bincount(labels)
    step = np.unique(labels, return_index=True)[1]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    atoms = np.empty(len(following), dtype=np.int64)
    alive = np.arange(len(counts))
    for k in range(int(counts.max())):
        alive = alive[counts[alive] > k]
        atoms[offsets[alive] + k] = tails[step[alive]]
        step[alive] = following[step[alive]]
    cuts = offsets.tolist()
    return [atoms[start:end] for start, end in pairwise(cuts)]
