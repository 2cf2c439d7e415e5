"""Selective dynamics: which coordinates of a cluster may move."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim_dispatcher.structure.cluster import Cluster

__all__ = ["Mask", "all_free", "hydrogen_fixed", "only_z_free", "perimeter_fixed"]

Mask: TypeAlias = NDArray[np.bool_]
"""(n, 3) True where a coordinate may move."""


def all_free(cluster: Cluster) -> Mask:
    """Let every atom move."""
    return np.ones((len(cluster), 3), dtype=bool)


def perimeter_fixed(cluster: Cluster) -> Mask:
    """Hold the cut and the hydrogen on it: the paper's configuration (a)."""
    free = all_free(cluster)
    free[cluster.indices("rim", "cap")] = False
    return free


def only_z_free(cluster: Cluster) -> Mask:
    """Hold what the microscope sees, x and y: the paper's configuration (b)."""
    free = np.zeros((len(cluster), 3), dtype=bool)
    free[:, 2] = True
    return free


def hydrogen_fixed(cluster: Cluster) -> Mask:
    """Hold all hydrogen: the paper's configuration (c)."""
    free = all_free(cluster)
    free[np.array([symbol == "H" for symbol in cluster.symbols])] = False
    return free
