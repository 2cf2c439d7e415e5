"""Lay what an optimiser or a trajectory left over what went in.

A molecule drifts and turns freely while it relaxes, and neither means anything: it is laid over
its start again. A cell's axes are fixed in space, so that there nothing is turned.
"""

from __future__ import annotations

import numpy as np

from sim_dispatcher.levels.potential import Array
from sim_dispatcher.structure.alignment import aligned
from sim_dispatcher.structure.cluster import Cluster

__all__ = ["laid_over"]


def laid_over(positions_A: Array, cluster: Cluster) -> Array:
    """Return (n, 3) positions, rigidly moved as close to those of the cluster as they get, Å.

    Args:
        positions_A: (n, 3) the cluster's atoms after a calculation that held none of them, Å.
        cluster: The same atoms before it.
    """
    if cluster.lattice_A is None:
        return aligned(positions_A, cluster.positions_A)
    drift = (positions_A - cluster.positions_A).mean(axis=0)
    return np.asarray(positions_A - drift)
