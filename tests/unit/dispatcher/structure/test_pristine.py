"""The pristine twin inside a cluster's rim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.testing.structures import DEFECTS, PlanarStructure, stone_wales
from sim_dispatcher.structure import Cluster, DetectedAtoms, build_cluster
from sim_dispatcher.structure.bonds import bond_statistics
from sim_dispatcher.structure.census import ring_census
from sim_dispatcher.structure.honeycomb import canonical, enclosed_sites, walk
from sim_dispatcher.structure.pristine import NoTwin, pristine_twin

GAINED = {
    "V1": {"C": -1},
    "V2_585": {"C": -2},
    "V_555777": {"C": -2},
    "SW_5577": {},
    "Si_C3": {"C": -1, "Si": 1},
    "Si_C4": {"C": -2, "Si": 1},
    "Si_dimer": {"C": -2, "Si": 2},
    "Si_trimer": {"C": -4, "Si": 3},
    "Si_tetramer": {"C": -4, "Si": 4},
    "sub_B": {"C": -1, "B": 1},
    "sub_N": {"C": -1, "N": 1},
    "sub_O": {"C": -1, "O": 1},
    "pristine": {},
}

ROTATED = stone_wales()


@pytest.mark.parametrize("name", sorted(GAINED))
def test_the_twin_differs_by_the_atoms_the_defect_exchanged(
    clusters: dict[str, Cluster], name: str
) -> None:
    cluster = clusters[name]
    twin = pristine_twin(cluster)
    assert isinstance(twin, Cluster)
    gained = Counter(cluster.symbols)
    gained.subtract(Counter(twin.symbols))
    assert {element: n for element, n in gained.items() if n} == GAINED[name]
    assert set(ring_census(twin.symbols, twin.positions_A)) == {"6"}


def test_bonds_of_the_twin_are_those_of_graphene(clusters: dict[str, Cluster]) -> None:
    twin = pristine_twin(clusters["Si_C3"])
    assert isinstance(twin, Cluster)
    bonds = bond_statistics(twin.symbols, twin.positions_A - [0, 0, 1] * twin.positions_A)
    assert bonds["C-C"].min == pytest.approx(1.42, abs=1e-3)
    assert bonds["C-C"].max == pytest.approx(1.42, abs=1e-3)
    assert bonds["C-H"].mean == pytest.approx(1.09, abs=1e-3)


@settings(max_examples=5, deadline=None)
@given(angle=st.floats(0, 360), mirror=st.booleans(), seed=st.integers(0, 99))
def test_congruent_rims_share_one_twin(angle: float, mirror: bool, seed: int) -> None:
    structure = ROTATED
    turned = structure.transformed(angle, mirror=mirror).permuted(seed).displaced(0.03, seed)
    twins = [
        pristine_twin(build_cluster(DetectedAtoms(s.elements, s.positions_A, s.p), s.centre_A))
        for s in (structure, turned)
    ]
    assert isinstance(twins[0], Cluster)
    assert isinstance(twins[1], Cluster)
    if len(twins[0]) == len(twins[1]):  # noise may move a ring across the radius
        assert twins[0].digest == twins[1].digest


@pytest.mark.parametrize(
    ("name", "reason"), [("GB", "does not close"), ("Si_edge", "reaches its rim")]
)
def test_a_cluster_without_a_twin_says_why(
    clusters: dict[str, Cluster], name: str, reason: str
) -> None:
    twin = pristine_twin(clusters[name])
    assert isinstance(twin, NoTwin)
    assert reason in twin.reason


def test_a_molecule_that_is_no_sheet_has_no_twin(
    cut: Callable[[PlanarStructure], Cluster],
) -> None:
    del cut
    water = Cluster(
        ("O", "H", "H"),
        np.array([[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]]),
        ("interior", "cap", "cap"),
        (10.0, 10.0, 10.0),
    )
    assert isinstance(pristine_twin(water), NoTwin)


def test_every_defect_class_is_covered_or_refused() -> None:
    refused = {"GB", "Si_edge", "adatom", "edge", "hole"}
    assert set(GAINED) - {"pristine"} == set(DEFECTS) - refused


def test_the_walk_of_benzene_encloses_nothing_and_that_of_coronene_a_hexagon() -> None:
    benzene = walk((2,) * 6)
    coronene = walk((2, 2, 3) * 6)
    assert benzene is not None
    assert coronene is not None
    assert len(enclosed_sites(benzene)) == 0
    inside = enclosed_sites(coronene)
    assert len(inside) == 6
    radii = np.linalg.norm(inside - coronene.mean(axis=0), axis=1)
    assert np.allclose(radii, 1.42)


def test_a_walk_that_does_not_close_or_meets_itself_is_none() -> None:
    assert walk((2,) * 5) is None
    assert walk((2, 2, 3, 2, 2, 2)) is None
    assert walk((2,) * 12) is None


@settings(deadline=None)
@given(st.lists(st.integers(2, 3), min_size=1, max_size=30), st.integers(0, 29), st.booleans())
def test_the_name_of_a_rim_does_not_depend_on_start_or_direction(
    code: list[int], start: int, backward: bool
) -> None:
    k = start % len(code)
    turned = code[k:] + code[:k]
    assert canonical(turned[::-1] if backward else turned) == canonical(code)
