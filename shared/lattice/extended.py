"""Extended defects: grain boundaries, holes, and edges inside the frame.

A grain boundary is a row of dislocations, each a pentagon beside a heptagon (Huang et al.,
doi:10.1038/nature09718); at low angles hexagons stand between them, so rows are joined by
distance, not by bonds alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from shared.lattice.finding import LatticeDefect, report
from shared.lattice.odd_rings import RingCluster, is_point_defect
from shared.lattice.view import LatticeView

__all__ = ["find_boundaries", "find_edges", "find_holes"]

LINK_A: Final = 7.0
"""Dislocations whose rings come this near belong to one boundary: up to two hexagons between."""

LEAST_RINGS: Final = 4
"""A boundary has at least two pentagon-heptagon pairs."""

LEAST_LENGTH_A: Final = 8.0
"""A boundary is longer than any point defect: 5.5 Å between the outer rings of 555-777."""

LEAST_SHARE: Final = 0.7
"""Share of a boundary's odd rings that are pentagons and heptagons."""

EDGE_ATOMS: Final = 5
"""An edge inside the frame shows at least this many atoms in a row."""

EDGE_DEPTH_A: Final = 6.0
"""An edge reaches at least this deep into the frame; less may be missed atoms at the border."""


def find_boundaries(
    view: LatticeView, clusters: Sequence[RingCluster]
) -> tuple[list[LatticeDefect], list[RingCluster]]:
    """Return the grain boundaries, and the clusters that belong to none."""
    rest = [c for c in clusters if is_point_defect(view, c) or not _dislocated(c)]
    boundaries = []
    for row in _rows(view, [c for c in clusters if c not in rest]):
        rings = [k for cluster in row for k in cluster.rings]
        extent = np.ptp(view.rings.centroids_A[rings], axis=0)
        if len(rings) < LEAST_RINGS or np.hypot(*extent) < LEAST_LENGTH_A:
            rest.extend(row)
        else:
            boundaries.append(_boundary(view, row, rings))
    return boundaries, rest


def find_holes(view: LatticeView) -> Iterator[LatticeDefect]:
    """Yield the rings that are too large to be a point defect, their rim as a closed path."""
    for k in view.holes:
        rim = view.rings.rings[k]
        empty = view.emptiness(k, view.missing_atoms(k))
        if empty == 0.0:
            continue
        yield report(
            view,
            "hole",
            rim.tolist(),
            clean=empty,
            centre_A=view.rings.centroids_A[k],
            path_A=view.positions_A[np.append(rim, rim[0])],
        )


def find_edges(view: LatticeView) -> Iterator[LatticeDefect]:
    """Yield the rims of holes, and stretches of the sheet's outline well inside the frame."""
    for hole in find_holes(view):
        yield replace(hole, type="edge")
    if not np.isfinite(view.depth_A).all():
        return
    for outline in view.rings.outlines:
        for run in _runs(outline, ~view.open[outline]):
            if len(run) >= EDGE_ATOMS and view.depth_A[run].max() >= EDGE_DEPTH_A:
                yield report(view, "edge", run.tolist(), path_A=view.positions_A[run])


def _dislocated(cluster: RingCluster) -> bool:
    """Return whether a cluster is made of pentagons and heptagons, both."""
    share = sum(size in (5, 7) for size in cluster.sizes) / len(cluster.sizes)
    return share >= LEAST_SHARE and {5, 7} <= set(cluster.sizes)


def _rows(view: LatticeView, clusters: list[RingCluster]) -> list[list[RingCluster]]:
    """Return the dislocations joined into rows by the distance of their nearest rings."""
    if not clusters:
        return []
    rings = [k for cluster in clusters for k in cluster.rings]
    owner = np.repeat(np.arange(len(clusters)), [len(c.rings) for c in clusters])
    centroids = view.rings.centroids_A[rings]
    near = (cdist(centroids, centroids) <= LINK_A) | (owner[:, None] == owner)
    count, label = connected_components(near, directed=False)
    of_cluster = {int(o): int(label[k]) for k, o in enumerate(owner)}
    return [[c for i, c in enumerate(clusters) if of_cluster[i] == row] for row in range(count)]


def _boundary(view: LatticeView, row: list[RingCluster], rings: list[int]) -> LatticeDefect:
    """Return a row of dislocations as one boundary, its path along its longest extent."""
    centroids = view.rings.centroids_A[rings]
    along = np.linalg.svd(centroids - centroids.mean(axis=0), full_matrices=False)[2][0]
    if along[int(np.argmax(np.abs(along)))] < 0:
        along = -along
    sizes = [size for cluster in row for size in cluster.sizes]
    return report(
        view,
        "GB",
        [a for cluster in row for a in cluster.atoms(view)],
        clean=sum(size in (5, 7) for size in sizes) / len(sizes),
        centre_A=centroids.mean(axis=0),
        path_A=centroids[np.argsort(centroids @ along, kind="stable")],
    )


def _runs(outline: NDArray[np.int64], inside: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Return the stretches of a cyclic outline on which a condition holds throughout."""
    if inside.all():
        return [outline]
    start = int(np.argmin(inside))
    outline, inside = np.roll(outline, -start), np.roll(inside, -start)
    change = np.flatnonzero(np.diff(inside.astype(np.int8)))
    pieces = np.split(np.arange(len(outline)), change + 1)
    return [outline[piece] for piece in pieces if inside[piece[0]]]
