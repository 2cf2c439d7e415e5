"""Shapes: the same graph has the same name however it lies, another graph has another."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.lattice import LatticeView, find_defects, survey
from shared.testing.structures import DEFECTS, PlanarStructure, graphene
from sim_dispatcher.selection.shapes import HOLE_RING, ROUNDS, Colouring, Shape, likeness

POINTLIKE = sorted(set(DEFECTS) - {"GB", "edge", "hole", "adatom", "Si_edge"})


def view_of(structure: PlanarStructure) -> LatticeView:
    return survey(structure.positions_A, structure.elements, structure.p, None)


def shape_of(structure: PlanarStructure, kind: str) -> Shape:
    view = view_of(structure)
    defect = next(found for found in find_defects(view) if found.type == kind)
    shape = Colouring(view).shape(defect.atoms)
    assert shape is not None
    return shape


BUILT = {kind: DEFECTS[kind]() for kind in POINTLIKE}
SHAPES = {kind: shape_of(BUILT[kind], kind) for kind in POINTLIKE}


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(POINTLIKE), st.floats(-180, 180), st.booleans(), st.integers(0, 2**32 - 1))
def test_no_rotation_mirror_or_listing_changes_a_shape(
    kind: str, angle_deg: float, mirror: bool, seed: int
) -> None:
    laid = BUILT[kind].transformed(angle_deg, mirror=mirror).permuted(seed)
    assert shape_of(laid, kind) == SHAPES[kind]


@pytest.mark.parametrize("kind", ["V1", "SW_5577", "Si_C3", "sub_N"])
def test_the_noise_of_a_measurement_changes_no_shape(kind: str) -> None:
    for seed in range(3):
        assert shape_of(BUILT[kind].displaced(0.03, seed), kind) == SHAPES[kind]


def test_every_class_of_point_defect_has_a_shape_of_its_own() -> None:
    assert len({shape.name for shape in SHAPES.values()}) == len(POINTLIKE)


def test_likeness_is_one_for_the_same_symmetric_and_a_share() -> None:
    for one in SHAPES.values():
        assert likeness(one, one) == 1.0
        for other in SHAPES.values():
            assert likeness(one, other) == likeness(other, one)
            assert 0.0 <= likeness(one, other) <= 1.0
            assert (likeness(one, other) == 1.0) == (one == other)


def test_a_rotated_bond_is_told_from_the_bare_sheet_though_every_carbon_keeps_three_bonds() -> None:
    bare = graphene()
    view = view_of(bare)
    middle = int(np.argmin(np.hypot(*(view.positions_A - bare.centre_A).T)))
    pristine = Colouring(view).shape_about([middle])
    turned = SHAPES["SW_5577"]
    assert pristine is not None
    assert likeness(pristine, turned) < 0.5


def test_a_dimer_is_more_like_a_single_silicon_than_like_a_vacancy() -> None:
    dimer = SHAPES["Si_dimer"]
    assert likeness(dimer, SHAPES["Si_C3"]) > likeness(dimer, SHAPES["V1"])


def test_a_neighbourhood_that_was_not_imaged_whole_has_no_shape() -> None:
    sheet = graphene()
    view = survey(sheet.positions_A, sheet.elements, sheet.p, sheet.bounds)
    corner = int(np.argmin(view.positions_A.sum(axis=1)))
    assert Colouring(view).shape_about([corner]) is None


def test_atoms_that_are_not_there_have_no_shape() -> None:
    colouring = Colouring(view_of(graphene()))
    assert colouring.shape([10**6]) is None
    assert colouring.shape([]) is None


@pytest.mark.parametrize("kind", ["V1", "SW_5577", "Si_trimer", "sub_N"])
def test_colours_part_atoms_exactly_as_networkx_does(kind: str) -> None:
    structure = BUILT[kind]
    view = view_of(structure)
    around: dict[int, list[int]] = {atom: [] for atom in range(len(view.p))}
    for ring in view.rings.rings:
        for atom in ring.tolist():
            around[atom].append(min(len(ring), HOLE_RING))
    graph = nx.Graph()
    for atom, element in enumerate(view.elements):
        graph.add_node(atom, label=f"{element}{sorted(around[atom])}")
    graph.add_edges_from(view.graph.pairs.tolist())
    theirs = nx.weisfeiler_lehman_subgraph_hashes(graph, node_attr="label", iterations=ROUNDS)
    ours = Colouring(view)._rounds[ROUNDS]
    pairs = {(theirs[atom][-1], int(ours[atom])) for atom in graph}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert len(pairs) == len(Counter(int(colour) for colour in ours))
