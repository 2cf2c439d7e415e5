"""From detected atoms to a cluster that can be computed, and every reason not to."""

from __future__ import annotations

from sim_dispatcher.structure.build import build_cluster
from sim_dispatcher.structure.cluster import Cluster
from sim_dispatcher.structure.detected import DetectedAtoms
from sim_dispatcher.structure.doubts import certainty
from sim_dispatcher.structure.export import exported
from sim_dispatcher.structure.frame import build_frame
from sim_dispatcher.structure.periodic import periodic_cell
from sim_dispatcher.structure.reading import parse_cluster, read_cluster
from sim_dispatcher.structure.rules import PAPER, RADIUS_A, CutRules

__all__ = [
    "PAPER",
    "RADIUS_A",
    "Cluster",
    "CutRules",
    "DetectedAtoms",
    "build_cluster",
    "build_frame",
    "certainty",
    "exported",
    "parse_cluster",
    "periodic_cell",
    "read_cluster",
]
