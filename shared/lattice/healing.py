"""Bonds that noise tore: put back where they make ordinary rings.

A position is good to 0.1-0.2 Å at the doses that samples bear, so the difference of two is off by
up to 0.5 Å now and then, and a bond reads as broken: two hexagons become one 10-ring with two
atoms that lack a bond. Joining those two is right when it splits the ring into pentagons,
hexagons or heptagons. A vacancy is never closed that way: its rings would be 5 and 9, or 5 and 11.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.lattice.bonds import BondGraph, covalent_radii
from shared.lattice.rings import RingSet, find_rings

__all__ = ["heal"]

TORN: Final = range(8, 13)
"""Sizes of rings that may be two with a torn bond between them."""

ORDINARY: Final = (5, 6, 7)
"""Sizes that both parts must have."""

LONGEST: Final = 1.65
"""A torn bond is at most this times its covalent radii: 2.4 Å for C-C."""


def heal(graph: BondGraph, elements: NDArray[np.str_]) -> tuple[BondGraph, RingSet]:
    """Return the graph with torn bonds put back, and its rings.

    Args:
        graph: Bonds of the sheet.
        elements: (n,) chemical symbols.
    """
    rings = find_rings(graph)
    torn = list(_torn(graph, rings, elements))
    if not torn:
        return graph, rings
    pairs = np.concatenate([graph.pairs, np.array(torn, dtype=np.int64)])
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    lengths = np.hypot(*(graph.positions_A[pairs[:, 0]] - graph.positions_A[pairs[:, 1]]).T)
    strain = np.concatenate([graph.strain, np.ones(len(torn))])
    healed = BondGraph(graph.positions_A, pairs[order], lengths[order], strain[order])
    return healed, find_rings(healed)


def _torn(
    graph: BondGraph, rings: RingSet, elements: NDArray[np.str_]
) -> Iterator[tuple[int, int]]:
    """Yield at most one pair per torn ring, the closest, no atom twice."""
    lacking = (graph.coordination == 2) & np.isin(elements, ("C", "B", "N", "O"))
    reach = LONGEST * covalent_radii(elements.tolist())
    used: set[int] = set()
    for ring in rings.rings:
        if len(ring) not in TORN or lacking[ring].sum() < 2:
            continue
        loose = [k for k in np.flatnonzero(lacking[ring]).tolist() if int(ring[k]) not in used]
        best = _closest(graph.positions_A[ring], loose, reach[ring])
        if best is not None:
            pair = sorted((int(ring[best[0]]), int(ring[best[1]])))
            used.update(pair)
            yield pair[0], pair[1]


def _closest(
    corners: NDArray[np.float64], loose: list[int], reach: NDArray[np.float64]
) -> tuple[int, int] | None:
    """Return the nearest two loose corners of a ring whose joining makes ordinary rings."""
    fitting = [
        (float(np.hypot(*(corners[a] - corners[b]))), (a, b))
        for a, b in combinations(loose, 2)
        if b - a + 1 in ORDINARY and len(corners) - (b - a) + 1 in ORDINARY
    ]
    near = [(gap, pair) for gap, pair in fitting if gap <= float(reach[list(pair)].sum())]
    return min(near)[1] if near else None
