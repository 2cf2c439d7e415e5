"""Rings of a Stone-Wales defect's surroundings: planar faces beside a minimum cycle basis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import networkx as nx
import numpy as np

from shared.lattice import find_bonds, find_rings
from shared.testing.structures import stone_wales

RADIUS_A = 9.0
"""About 90 atoms: the cluster that is cut around a point defect."""


def ring_search() -> tuple[Callable[[], None], Callable[[], None]]:
    """Return both searches, having checked that they find the same rings."""
    whole = stone_wales()
    near = np.hypot(*(whole.positions_A - whole.centre_A).T) < RADIUS_A
    elements = [element for element, kept in zip(whole.elements, near, strict=True) if kept]
    graph = find_bonds(whole.positions_A[near], elements)
    network = nx.Graph(graph.pairs.tolist())

    def ours() -> None:
        find_rings(graph)

    def theirs() -> None:
        nx.minimum_cycle_basis(network)

    faces = find_rings(graph).census()
    basis = Counter(str(len(cycle)) for cycle in nx.minimum_cycle_basis(network))
    if faces != dict(basis):
        raise SystemExit(f"the two searches differ: {faces} and {dict(basis)}")
    return ours, theirs
