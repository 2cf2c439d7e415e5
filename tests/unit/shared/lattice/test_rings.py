"""Rings as planar faces: Euler's formula, known censuses, and structures with holes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from shared.lattice import find_bonds, find_rings
from shared.lattice.rings import RingSet
from shared.testing.structures import (
    PlanarStructure,
    divacancy_585,
    divacancy_555777,
    edge,
    graphene,
    hole,
    stone_wales,
    vacancy,
)


def _rings(structure: PlanarStructure) -> RingSet:
    return find_rings(find_bonds(structure.positions_A, structure.elements))


@pytest.mark.parametrize(
    ("build", "odd"),
    [
        (graphene, {}),
        (stone_wales, {"5": 2, "7": 2}),
        (vacancy, {"5": 1, "9": 1}),
        (lambda: vacancy(reconstructed=False), {"12": 1}),
        (divacancy_585, {"5": 2, "8": 1}),
        (divacancy_555777, {"5": 3, "7": 3}),
        (edge, {}),
    ],
)
def test_the_census_of_a_known_structure(
    build: Callable[[], PlanarStructure], odd: dict[str, int]
) -> None:
    census = _rings(build()).census()
    assert census.pop("6") > 50
    assert census == odd


def test_a_hole_is_one_large_ring_whose_area_is_the_holes() -> None:
    rings = _rings(hole(radius_A=6.0))
    largest = int(np.argmax(rings.sizes))
    assert np.pi * 6.0**2 < rings.areas_A2[largest] < np.pi * 8.0**2
    assert rings.centroids_A[largest] == pytest.approx(hole(radius_A=6.0).centre_A, abs=0.3)


def test_rings_list_bonded_atoms_in_cyclic_order() -> None:
    structure = divacancy_555777()
    graph = find_bonds(structure.positions_A, structure.elements)
    for ring in find_rings(graph).rings:
        for a, b in zip(ring, np.roll(ring, -1), strict=True):
            assert int(b) in graph.neighbours[int(a)]


@given(st.integers(0, 2**32 - 1), st.integers(3, 120))
@settings(max_examples=25, deadline=None)
def test_faces_obey_eulers_formula_on_scattered_atoms(seed: int, count: int) -> None:
    positions = np.random.default_rng(seed).uniform(0.0, 12.0, (count, 2))
    graph = find_bonds(positions, ["C"] * count)
    rings = find_rings(graph)
    links = coo_array((np.ones(len(graph.pairs)), tuple(graph.pairs.T)), shape=(count, count))
    pieces = connected_components(links, directed=False)[0]
    # V - E + F = 1 + pieces, with F counting the rings and one shared outside.
    assert len(rings.rings) == len(graph.pairs) - count + pieces


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_ring_areas_add_up_to_the_area_within_the_outline(seed: int) -> None:
    structure = graphene().displaced(0.08, seed % 1000)
    rings = _rings(structure)
    (outline,) = rings.outlines
    x, y = structure.positions_A[outline].T
    around = 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
    assert rings.areas_A2.sum() == pytest.approx(-around)


def test_chains_without_a_ring_have_neither_rings_nor_outlines() -> None:
    chain = np.array([[1.42 * k, 0.0] for k in range(6)])
    rings = find_rings(find_bonds(chain, ["C"] * 6))
    assert rings.rings == rings.outlines == ()
    assert rings.census() == {}


def test_two_separate_flakes_have_two_outlines() -> None:
    flake = graphene((9.0, 9.0)).positions_A
    both = np.concatenate([flake, flake + np.array([30.0, 0.0])])
    rings = find_rings(find_bonds(both, ["C"] * len(both)))
    assert len(rings.outlines) == 2
