"""The bond graph: cut-offs that follow noise and scale, and no bonds that cross."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.lattice import find_bonds
from shared.lattice.bonds import COVALENT_RADII_A, find_firm_pairs, find_near_pairs
from shared.testing.structures import PlanarStructure, graphene, stone_wales, substituted
from shared.units import CARBON_BOND_A


@cache
def _silicon() -> PlanarStructure:
    return substituted("Si")


def _crossings(positions: np.ndarray, pairs: np.ndarray) -> int:
    """Count properly crossing bonds by brute force, independently of the code under test."""
    count = 0
    for k, (a, b) in enumerate(pairs):
        for c, d in pairs[k + 1 :]:
            if len({a, b, c, d}) < 4:
                continue
            matrix = np.column_stack([positions[b] - positions[a], positions[c] - positions[d]])
            if abs(np.linalg.det(matrix)) < 1e-12:
                continue
            s, t = np.linalg.solve(matrix, positions[c] - positions[a])
            count += 0 < s < 1 and 0 < t < 1
    return count


def test_every_inner_atom_of_graphene_has_three_bonds_of_the_lattice_length() -> None:
    sheet = graphene()
    graph = find_bonds(sheet.positions_A, sheet.elements)
    margin = np.minimum(sheet.positions_A, 30.0 - sheet.positions_A).min(axis=1)
    assert (graph.coordination[margin > 1.5] == 3).all()
    assert graph.lengths_A == pytest.approx(CARBON_BOND_A, abs=0.01)


@pytest.mark.parametrize("scale", [0.95, 1.05])
def test_a_calibration_five_percent_wrong_changes_no_bond(scale: float) -> None:
    sheet = graphene().displaced(0.05, seed=3)
    true = find_bonds(sheet.positions_A, sheet.elements)
    wrong = find_bonds(scale * sheet.positions_A, sheet.elements)
    assert wrong.pairs.tolist() == true.pairs.tolist()


def test_noise_of_a_tenth_of_an_angstrom_breaks_and_adds_no_bond() -> None:
    sheet = graphene()
    true = {tuple(p) for p in find_bonds(sheet.positions_A, sheet.elements).pairs.tolist()}
    for seed in range(10):
        noisy = sheet.displaced(0.1, seed)
        found = find_bonds(noisy.positions_A, noisy.elements).pairs.tolist()
        assert {tuple(p) for p in found} == true


def test_a_bond_rotated_by_90_degrees_makes_no_spurious_triangles() -> None:
    sheet = stone_wales(relaxed=False)
    graph = find_bonds(sheet.positions_A, sheet.elements)
    assert not any(
        set(graph.neighbours[a]) & set(graph.neighbours[b]) for a, b in graph.pairs.tolist()
    )


def test_silicon_bonds_to_its_three_carbons_and_to_no_second_neighbour() -> None:
    sheet = _silicon()
    silicon = sheet.elements.index("Si")
    for seed in range(20):
        noisy = sheet.displaced(0.1, seed)
        graph = find_bonds(noisy.positions_A, noisy.elements)
        assert graph.coordination[silicon] == 3


@given(st.integers(0, 2**32 - 1), st.integers(0, 36))
@settings(max_examples=25, deadline=None)
def test_bonds_of_scattered_atoms_never_cross(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    positions = generator.uniform(0.0, 7.0, (count, 2))
    elements = generator.choice(["C", "Si", "N"], count).tolist()
    graph = find_bonds(positions, elements)
    assert _crossings(positions, graph.pairs) == 0


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_the_order_of_the_atoms_does_not_change_the_bonds(seed: int) -> None:
    sheet = _silicon().displaced(0.1, seed % 1000)
    order = np.random.default_rng(seed).permutation(len(sheet.elements))
    shuffled = sheet.subset(order)
    plain = find_bonds(sheet.positions_A, sheet.elements).pairs
    mixed = order[find_bonds(shuffled.positions_A, shuffled.elements).pairs]
    assert {frozenset(p) for p in mixed.tolist()} == {frozenset(p) for p in plain.tolist()}


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_atoms_have_no_bonds(count: int) -> None:
    graph = find_bonds(np.zeros((count, 2)), ["C"] * count)
    assert graph.pairs.shape == (0, 2)
    assert graph.coordination.tolist() == [0] * count
    assert graph.neighbours == ((),) * count


def test_dropping_an_atom_drops_its_bonds_and_no_other() -> None:
    sheet = graphene()
    graph = find_bonds(sheet.positions_A, sheet.elements)
    dropped = np.zeros(len(sheet.elements), dtype=bool)
    atom = int(np.argmax(graph.coordination))
    dropped[atom] = True
    thinner = graph.without(dropped)
    assert len(thinner.pairs) == len(graph.pairs) - 3
    assert thinner.coordination[atom] == 0


def test_firm_pairs_are_those_within_one_point_two_covalent_radii() -> None:
    inside, outside = 2.39 * COVALENT_RADII_A["C"], 2.41 * COVALENT_RADII_A["C"]
    for gap, expected in ((inside, 1), (outside, 0)):
        near = find_near_pairs(np.array([[0.0, 0.0], [gap, 0.0]]), ["C", "C"])
        firm = find_firm_pairs(near, ["C", "C"])
        assert len(firm.pairs) == len(firm.lengths_A) == expected
