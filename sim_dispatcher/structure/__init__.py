"""From detected atoms to a cluster that can be computed, and every reason not to."""

from __future__ import annotations

from sim_dispatcher.structure.cluster import Cluster
from sim_dispatcher.structure.detected import DetectedAtoms
from sim_dispatcher.structure.reading import read_cluster

__all__ = ["Cluster", "DetectedAtoms", "read_cluster"]
