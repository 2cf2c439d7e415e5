"""Defect classes: each known structure is recognised, noisy or turned, and nothing is invented."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.lattice import LatticeDefect, classify, find_bonds, find_defects, survey
from shared.messages import DefectType
from shared.testing.structures import (
    DEFECTS,
    PlanarStructure,
    adatom,
    grain_boundary,
    graphene,
    hole,
    silicon_edge,
    stone_wales,
    vacancy,
)

BUILT = sorted(DEFECTS)
POINTS = sorted(set(BUILT) - {"GB", "edge", "hole", "Si_edge"})
"""Defects whose centre is a point; a silicon at an edge brings its edge along."""


@cache
def _built(name: DefectType) -> PlanarStructure:
    return DEFECTS[name]()


def _found(structure: PlanarStructure, p: np.ndarray | None = None) -> tuple[LatticeDefect, ...]:
    chances = structure.p if p is None else p
    return classify(structure.positions_A, structure.elements, chances, structure.bounds)


def _types(structure: PlanarStructure) -> set[str]:
    return {defect.type for defect in _found(structure)}


def _expected(name: DefectType) -> set[str]:
    with_rim: dict[DefectType, set[str]] = {
        "Si_edge": {"Si_edge", "edge"},
        "hole": {"hole", "edge"},
    }
    return with_rim.get(name, {name})


@pytest.mark.parametrize("name", BUILT)
def test_a_known_structure_is_recognised_and_nothing_else_is_seen(name: DefectType) -> None:
    assert _types(_built(name)) == _expected(name)


@pytest.mark.parametrize("name", POINTS)
def test_a_point_defect_is_found_once_near_its_centre_and_surely(name: DefectType) -> None:
    structure = _built(name)
    (defect,) = _found(structure)
    assert np.hypot(defect.x_A - structure.centre_A[0], defect.y_A - structure.centre_A[1]) < 2.6
    assert defect.p > 0.9


@pytest.mark.parametrize("name", BUILT)
def test_displacements_of_a_twentieth_of_an_angstrom_change_no_class(name: DefectType) -> None:
    for seed in range(5):
        assert _types(_built(name).displaced(0.05, seed)) == _expected(name)


def test_displacements_of_a_tenth_of_an_angstrom_seldom_change_a_class() -> None:
    rough = [name for name in BUILT if name != "Si_tetramer"]  # its atoms sit 2 Å from others
    right = Counter(
        _expected(name) == _types(_built(name).displaced(0.1, seed))
        for name in rough
        for seed in range(5)
    )
    assert right[True] >= 0.95 * right.total()


@pytest.mark.parametrize("name", BUILT)
@given(angle=st.floats(0.0, 360.0), mirror=st.booleans(), seed=st.integers(0, 1000))
@settings(max_examples=3, deadline=None)
def test_classes_and_probabilities_do_not_depend_on_the_point_of_view(
    name: DefectType, angle: float, mirror: bool, seed: int
) -> None:
    structure = _built(name)
    seen = classify(structure.positions_A, structure.elements, structure.p)
    turned = structure.transformed(angle, mirror=mirror).permuted(seed)
    again = classify(turned.positions_A, turned.elements, turned.p)
    assert sorted((d.type, round(d.p, 6), len(d.atoms)) for d in again) == sorted(
        (d.type, round(d.p, 6), len(d.atoms)) for d in seen
    )


@given(
    st.floats(0.0, 60.0), st.floats(20.0, 45.0), st.floats(20.0, 45.0), st.integers(0, 2**32 - 1)
)
@settings(max_examples=20, deadline=None)
def test_the_border_of_a_frame_makes_no_defect(
    angle: float, width: float, height: float, seed: int
) -> None:
    sheet = graphene((width, height), angle_deg=angle).displaced(0.08, seed)
    assert _found(sheet) == ()


@pytest.mark.parametrize("name", ["SW_5577", "Si_C3", "V2_585"])
def test_a_defect_cut_by_the_border_is_never_taken_for_another(name: DefectType) -> None:
    structure = _built(name)
    for shift in np.arange(8.0, 16.0, 0.5):
        kept = np.flatnonzero(structure.positions_A[:, 0] > shift)
        part = structure.subset(kept)
        bounds = (structure.bounds[0] - shift, structure.bounds[1])
        seen = classify(part.positions_A - (shift, 0.0), part.elements, part.p, bounds)
        assert {d.type for d in seen} <= {name}


def test_a_free_standing_cluster_has_no_edge() -> None:
    sheet = graphene((16.0, 16.0))
    assert classify(sheet.positions_A, sheet.elements, sheet.p) == ()


def test_hydrogen_at_the_rim_is_left_out() -> None:
    sheet = graphene((16.0, 16.0))
    rim = sheet.positions_A + np.array([0.0, 1.09])
    positions = np.concatenate([sheet.positions_A, rim[:5]])
    assert classify(positions, (*sheet.elements, *"HHHHH"), np.ones(len(positions))) == ()


def test_members_are_the_callers_own_atom_numbers() -> None:
    structure = _built("Si_trimer")
    (defect,) = _found(structure)
    assert [structure.elements[i] for i in defect.atoms] == ["Si"] * 3


def test_a_faint_atom_at_the_vacant_site_lowers_the_vacancys_probability() -> None:
    bare = vacancy(reconstructed=False)
    seen = []
    for faint in (0.05, 0.2, 0.4):
        positions = np.vstack([bare.positions_A, bare.centre_A])
        p = np.append(bare.p, faint)
        (defect,) = classify(positions, (*bare.elements, "C"), p, bare.bounds)
        assert defect.type == "V1"
        seen.append(defect.p)
    assert seen == pytest.approx([0.95, 0.8, 0.6], abs=0.02)


def test_the_weakest_member_bounds_the_probability() -> None:
    structure = stone_wales()
    (sure,) = _found(structure)
    p = structure.p.copy()
    p[sure.atoms[3]] = 0.6
    (doubtful,) = _found(structure, p)
    assert doubtful.p <= 0.6 < sure.p


def test_a_silicon_with_an_uncertain_neighbour_is_less_surely_threefold() -> None:
    structure = _built("Si_C3")
    silicon = structure.elements.index("Si")
    distance = np.hypot(*(structure.positions_A - structure.positions_A[silicon]).T)
    p = structure.p.copy()
    chances = []
    for p[np.argsort(distance)[1]] in (0.55, 0.7, 0.9):
        (defect,) = _found(structure, p)
        assert defect.type == "Si_C3"
        chances.append(defect.p)
    assert chances == pytest.approx([0.77, 0.86, 0.96], abs=0.02)


def test_a_saturated_carbon_in_reach_does_not_make_a_silicon_fourfold() -> None:
    structure = _built("Si_C3")
    silicon = structure.elements.index("Si")
    distance = np.hypot(*(structure.positions_A - structure.positions_A[silicon]).T)
    second = int(np.argsort(distance)[4])
    pull = (structure.positions_A[silicon] - structure.positions_A[second]) / distance[second]
    positions = structure.positions_A.copy()
    positions[second] += pull * (distance[second] - 2.25)
    (defect,) = classify(positions, structure.elements, structure.p, structure.bounds)
    assert defect.type == "Si_C3"
    assert defect.p > 0.9


@pytest.mark.parametrize("element", ["C", "Si"])
@pytest.mark.parametrize("over", ["bond", "hexagon"])
def test_an_atom_on_the_sheet_is_an_adatom_and_leaves_the_sheet_whole(
    element: str, over: str
) -> None:
    structure = adatom(element, over=over)
    (defect,) = _found(structure)
    assert defect.type == "adatom"
    assert defect.atoms == (len(structure.elements) - 1,)


def test_an_atom_listed_twice_is_one_atom() -> None:
    sheet = graphene()
    inner = int(np.argmin(np.hypot(*(sheet.positions_A - 15.0).T)))
    positions = np.vstack([sheet.positions_A, sheet.positions_A[inner] + (0.3, 0.2)])
    p = np.append(sheet.p, 0.6)
    assert classify(positions, (*sheet.elements, "C"), p, sheet.bounds) == ()


@pytest.mark.parametrize("name", ["Si_C3", "Si_C4", "Si_dimer", "Si_trimer"])
def test_a_carbon_listed_on_a_silicons_flank_changes_no_class(name: DefectType) -> None:
    structure = _built(name)
    silicon = structure.positions_A[structure.elements.index("Si")]
    for angle in np.arange(0.0, 360.0, 30.0):
        flank = silicon + 0.7 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        positions = np.vstack([structure.positions_A, flank])
        p = np.append(np.where(np.array(structure.elements) == "Si", 0.6, 1.0), 0.9)
        found = classify(positions, (*structure.elements, "C"), p, structure.bounds)
        assert {d.type for d in found} == {name}


def test_atoms_that_a_heavy_adatom_outshines_are_no_hole() -> None:
    structure = hole(2.6)
    positions = np.vstack([structure.positions_A, structure.centre_A])
    elements, p = (*structure.elements, "X"), np.append(structure.p, 1.0)
    assert {d.type for d in classify(positions, elements, p, structure.bounds)} == set()


def test_a_hole_does_not_stand_or_fall_with_one_atom_of_its_rim() -> None:
    structure = hole(6.0)
    (sure, _) = _found(structure)
    p = structure.p.copy()
    p[list(sure.atoms)[3]] = 0.55
    assert all(defect.p > 0.95 for defect in _found(structure, p))


def test_a_silicon_dimer_beside_the_border_is_one_where_its_bonds_surround_it() -> None:
    structure = _built("Si_dimer")
    silicon = structure.positions_A[np.array(structure.elements) == "Si"]
    cut = silicon[:, 0].min() - 2.0
    kept = structure.positions_A[:, 0] > cut
    part = structure.subset(np.flatnonzero(kept))
    bounds = (structure.bounds[0] - cut, structure.bounds[1])
    found = classify(part.positions_A - (cut, 0.0), part.elements, part.p, bounds)
    assert [d.type for d in found] == ["Si_dimer"]


def test_a_long_closing_bond_makes_no_divacancy_doubtful() -> None:
    structure = _built("V2_585")
    view = survey(structure.positions_A, structure.elements, structure.p, structure.bounds)
    (octagon,) = [set(r.tolist()) for r in view.rings.rings if len(r) == 8]
    closing = [sorted(octagon & set(r.tolist())) for r in view.rings.rings if len(r) == 5]
    assert len(closing) == 2
    for first, second in closing:
        apart = structure.positions_A.copy()
        away = apart[second] - apart[first]
        stretch = (1.9 / np.hypot(*away) - 1.0) / 2.0 * away
        apart[first] -= stretch
        apart[second] += stretch
        (defect,) = classify(apart, structure.elements, structure.p, structure.bounds)
        assert defect.type == "V2_585"
        assert defect.p > 0.9


def test_an_unknown_element_in_the_sheet_is_an_unknown_defect() -> None:
    sheet = graphene()
    inner = int(np.argmin(np.hypot(*(sheet.positions_A - 15.0).T)))
    elements = list(sheet.elements)
    elements[inner] = "X"
    (defect,) = classify(sheet.positions_A, elements, sheet.p, sheet.bounds)
    assert (defect.type, defect.atoms) == ("unknown", (inner,))


def test_a_grain_boundary_has_a_path_across_the_frame() -> None:
    (boundary,) = _found(grain_boundary())
    assert boundary.path_A is not None
    path = np.array(boundary.path_A)
    assert np.ptp(path[:, 1]) > 25.0
    assert np.abs(path[:, 0] - 20.0).max() < 6.0
    assert (np.diff(path[:, 1]) > -2.5).all()


@pytest.mark.parametrize("radius_A", [4.0, 6.0, 8.0])
def test_a_holes_path_runs_around_it(radius_A: float) -> None:
    structure = hole(radius_A)
    rim, found = _found(structure)
    assert (rim.type, found.type) == ("edge", "hole")
    assert found.path_A is not None
    assert found.path_A[0] == found.path_A[-1]
    assert rim.path_A == found.path_A
    ring = np.array(found.path_A) - structure.centre_A
    angles = np.unwrap(np.arctan2(ring[:, 1], ring[:, 0]))
    assert abs(angles[-1] - angles[0]) > 1.8 * np.pi
    assert (np.hypot(*ring.T) >= radius_A).all()


def test_an_edge_beside_contamination_is_not_an_edge_of_the_sheet() -> None:
    structure = _built("edge")
    obscured = structure.positions_A[:, 0] > 10.0
    found = classify(
        structure.positions_A,
        structure.elements,
        structure.p,
        structure.bounds,
        obscured=obscured,
    )
    assert found == ()


def test_silicon_at_an_edge_is_told_from_silicon_in_the_sheet() -> None:
    silicon = [d for d in _found(silicon_edge()) if d.type.startswith("Si")]
    assert [d.type for d in silicon] == ["Si_edge"]


def test_missed_carbons_near_a_silicon_do_not_put_it_at_an_edge() -> None:
    structure = _built("Si_C3")
    silicon = structure.elements.index("Si")
    graph = find_bonds(structure.positions_A, structure.elements)
    first = graph.neighbours[silicon][0]
    second = next(a for a in graph.neighbours[first] if a != silicon)
    missed = [second, *(a for a in graph.neighbours[second] if a != first)]
    sparse = structure.subset(np.setdiff1d(np.arange(len(structure.elements)), missed))
    assert "hole" in _types(sparse)
    assert "Si_C3" in _types(sparse)
    assert "Si_edge" not in _types(sparse)


def test_missing_and_false_atoms_do_not_spread_beyond_their_own_site(
    rng: np.random.Generator,
) -> None:
    sheet = graphene((60.0, 60.0)).displaced(0.05)
    inner = (np.minimum(sheet.positions_A, 60.0 - sheet.positions_A) > 6.0).all(axis=1)
    missing = rng.choice(np.flatnonzero(inner), 8, replace=False)
    sparse = sheet.subset(np.setdiff1d(np.arange(len(sheet.elements)), missing))
    vacancies = [d for d in _found(sparse) if d.type in ("V1", "V2_585")]
    for x, y in sheet.positions_A[missing]:
        assert min(np.hypot(d.x_A - x, d.y_A - y) for d in vacancies) < 1.5
    false = rng.uniform(10.0, 50.0, (8, 2))
    crowded = np.concatenate([sheet.positions_A, false])
    seen = classify(crowded, ("C",) * len(crowded), np.ones(len(crowded)), sheet.bounds)
    for defect in seen:
        assert np.hypot(*(false - (defect.x_A, defect.y_A)).T).min() < 3.5


@pytest.mark.parametrize("elements", [(), ("C",), ("Mo", "S"), ("Si",)])
def test_what_is_no_graphene_has_no_defects(elements: tuple[str, ...]) -> None:
    positions = np.array([[2.0 * k, 0.0] for k in range(len(elements))]).reshape(-1, 2)
    assert classify(positions, elements, np.ones(len(elements)), (30.0, 30.0)) == ()


def test_a_survey_serves_coordination_and_defects_at_once() -> None:
    structure = _built("Si_C4")
    view = survey(structure.positions_A, structure.elements, structure.p, structure.bounds)
    silicon = structure.elements.index("Si")
    assert view.graph.coordination[np.flatnonzero(view.index == silicon)] == [4]
    assert find_defects(view) == _found(structure)
