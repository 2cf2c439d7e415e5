"""Clusters of known defects, cut once per session."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.testing.structures import DEFECTS, PlanarStructure, graphene
from sim_dispatcher.structure import Cluster, DetectedAtoms, build_cluster


@pytest.fixture(scope="session")
def detect() -> Callable[[PlanarStructure], DetectedAtoms]:
    def detected(structure: PlanarStructure) -> DetectedAtoms:
        return DetectedAtoms(structure.elements, structure.positions_A, structure.p)

    return detected


@pytest.fixture(scope="session")
def cut(
    detect: Callable[[PlanarStructure], DetectedAtoms],
) -> Callable[[PlanarStructure], Cluster]:
    def cluster(structure: PlanarStructure) -> Cluster:
        return build_cluster(detect(structure), structure.centre_A)

    return cluster


@pytest.fixture(scope="session")
def clusters(cut: Callable[[PlanarStructure], Cluster]) -> dict[str, Cluster]:
    """One cluster per defect class that can be cut, and pristine graphene."""
    refused = {"adatom"}
    cuttable = {name: build for name, build in DEFECTS.items() if name not in refused}
    return {"pristine": cut(graphene()), **{n: cut(build()) for n, build in cuttable.items()}}
