"""A molecule small enough to compute often: benzene, and coronene with a silicon in it."""

from __future__ import annotations

import ase
import ase.build
import numpy as np
import pytest

from sim_dispatcher.structure import Cluster
from sim_dispatcher.structure.honeycomb import enclosed_sites, walk
from sim_dispatcher.structure.pristine import pristine_twin
from sim_dispatcher.structure.reading import cluster_from_ase


@pytest.fixture(scope="session")
def benzene() -> Cluster:
    atoms = ase.build.molecule("C6H6")
    atoms.positions *= 1.03
    return cluster_from_ase(atoms)


@pytest.fixture(scope="session")
def coronene() -> Cluster:
    """C24H12, every heavy atom on or inside the rim of seven hexagons."""
    rim = walk((2, 2, 3) * 6)
    assert rim is not None
    flat = np.concatenate([rim, enclosed_sites(rim)])
    outward = rim - rim.mean(axis=0)
    caps = (rim + 1.09 * outward / np.linalg.norm(outward, axis=1)[:, None])[
        np.tile([True, True, False], 6)
    ]
    sheet = np.concatenate([flat, caps])
    atoms = ase.Atoms("C24H12", np.column_stack([sheet, np.zeros(len(sheet))]))
    twin = pristine_twin(cluster_from_ase(atoms))
    assert isinstance(twin, Cluster)
    return twin


@pytest.fixture(scope="session")
def silicon_in_coronene(coronene: Cluster) -> Cluster:
    atoms = coronene.to_ase()
    middle = int(np.argmin(np.linalg.norm(atoms.positions - atoms.positions.mean(0), axis=1)))
    atoms.symbols[middle] = "Si"
    atoms.positions[middle, 2] += 0.3
    return cluster_from_ase(atoms)
