from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from edge_agent.sources.specimen import Specimen, View, mixed_defect_field
from edge_agent.sources.specimen.defects import MAKERS
from edge_agent.sources.specimen.draft import CARBON, SILICON, graphene
from edge_agent.sources.specimen.relaxation import relax
from shared.units import CARBON_BOND_A

DEMO_VIEW = View((896, 896), 0.104)


@pytest.fixture(scope="module")
def field() -> Specimen:
    return mixed_defect_field()


def bond_lengths(specimen: Specimen, near: tuple[float, float], reach_A: float) -> dict[str, float]:
    """Mean length of the bonds around a point, by kind; brute force, independent of the graph."""
    period = np.asarray(specimen.period_A)
    apart = specimen.positions_A - near
    apart -= period * np.rint(apart / period)
    close = np.flatnonzero(np.hypot(*apart.T) < reach_A)
    lengths: dict[str, list[float]] = {}
    for i in close:
        for j in close[close > i]:
            limit = {12: 1.6, 20: 2.05, 28: 2.5}[int(specimen.numbers[i] + specimen.numbers[j])]
            length = math.hypot(*(apart[i] - apart[j]))
            if length < limit:
                kind = "-".join(
                    sorted("C" if z == CARBON else "Si" for z in specimen.numbers[[i, j]])
                )
                lengths.setdefault(kind, []).append(length)
    return {kind: float(np.mean(values)) for kind, values in lengths.items()}


def test_pristine_sheet_has_three_bonds_of_graphene_length_per_atom() -> None:
    sheet = graphene(20.0)
    assert {len(near) for near in sheet.neighbours} == {3}
    lengths = [math.hypot(*sheet.vector(i, j)) for i, j in sheet.bonds()]
    assert lengths == pytest.approx([CARBON_BOND_A] * len(lengths), rel=2e-3)


def test_relaxation_leaves_a_pristine_sheet_alone() -> None:
    sheet = graphene(20.0)
    before = sheet.positions_A.copy()
    relax(sheet, np.ones(len(before), dtype=bool))
    assert np.abs(sheet.positions_A - before).max() < 0.01


@pytest.mark.parametrize(
    ("kind", "missing_atoms", "silicon", "coordination"),
    [
        ("Si_C3", 0, 1, {3}),
        ("Si_C4", 1, 1, {3, 4}),
        ("Si_dimer", 0, 2, {3}),
        ("SW_5577", 0, 0, {3}),
        ("V2_585", 2, 0, {3}),
    ],
)
def test_a_defect_has_the_atoms_and_the_coordination_of_its_kind(
    kind: str, missing_atoms: int, silicon: int, coordination: set[int]
) -> None:
    sheet = graphene(20.0)
    placed = MAKERS[kind](sheet, 40, min(sheet.neighbours[40]))
    there = np.flatnonzero(sheet.numbers)
    assert placed.type == kind
    assert len(sheet.numbers) - len(there) == missing_atoms
    assert (sheet.numbers == SILICON).sum() == silicon
    assert {len(sheet.neighbours[atom]) for atom in there} == coordination


def test_field_is_large_and_holds_every_kind_of_defect_in_the_demo_view(field: Specimen) -> None:
    assert min(field.period_A) >= 200.0
    assert {defect.type for defect in field.truth(DEMO_VIEW).defects} == set(MAKERS)


def test_same_seed_makes_the_same_field() -> None:
    one, two = (mixed_defect_field(seed=3, size_A=60.0) for _ in range(2))
    assert np.array_equal(one.positions_A, two.positions_A)
    assert one.defects == two.defects


@pytest.mark.parametrize(
    ("kind", "reach_A", "expected"),
    [
        ("Si_C3", 2.0, {"C-Si": 1.68}),
        ("Si_C4", 2.2, {"C-Si": 1.88}),
        ("Si_dimer", 2.2, {"Si-Si": 2.2}),
        ("SW_5577", 1.5, {"C-C": 1.40}),
    ],
)
def test_relaxed_bonds_have_the_lengths_of_their_kind(
    field: Specimen, kind: str, reach_A: float, expected: dict[str, float]
) -> None:
    for defect in (defect for defect in field.defects if defect.type == kind):
        lengths = bond_lengths(field, (defect.row, defect.column), reach_A)
        for bond, length_A in expected.items():
            assert lengths[bond] == pytest.approx(length_A, abs=0.05)


def test_no_two_atoms_come_closer_than_a_bond(field: Specimen) -> None:
    points, _ = field.atoms(View((256, 256), 1.0))
    apart, _ = cKDTree(points).query(points, k=2)
    assert apart[:, 1].min() > 1.25


def test_atoms_per_area_are_those_of_graphene(field: Specimen) -> None:
    truth = field.truth(DEMO_VIEW)
    assert len(truth.numbers) / 93.184**2 == pytest.approx(0.382, rel=0.01)


def test_scan_rotation_turns_the_picture_as_nions_simulator_does() -> None:
    """A feature right of the centre moves up and stays right: measured on nionswift-usim."""
    view = View((71, 71), 1.0, rotation_rad=math.radians(30))
    row, column = view.to_pixels(np.array([[0.0, 40.0]]))[0] - 35
    assert (row, column) == pytest.approx((-20, 34.64), abs=0.01)


@given(row=st.floats(-300, 300), column=st.floats(-300, 300), turn=st.floats(-math.pi, math.pi))
def test_moving_the_view_moves_every_atom_the_other_way(
    row: float, column: float, turn: float
) -> None:
    specimen = Specimen(
        np.array([[1.0, 2.0]]), np.array([CARBON], dtype=np.uint8), (), (7.0, 9.0), 0.3
    )
    here = View((40, 40), 1.0, (row, column), turn)
    points, _ = specimen.atoms(here, margin_A=6.0)
    moved, _ = specimen.atoms(View((40, 40), 1.0, (row, column + 0.5), turn), margin_A=6.0)
    shift = np.array([math.sin(turn) * 0.5, -math.cos(turn) * 0.5])
    inner = points[(np.abs(points - 19.5) < 20).all(axis=1)]
    for point in inner:
        assert np.hypot(*(moved - point - shift).T).min() < 1e-6


def test_truth_repeats_with_the_period(field: Specimen) -> None:
    turned = field.orientation_rad
    rows = field.period_A[0]
    step = (rows * math.cos(turned), rows * math.sin(turned))
    here, there = (field.truth(View((200, 200), 0.2, centre)) for centre in ((0.0, 0.0), step))
    assert len(here.numbers) == len(there.numbers)
    assert np.sort(here.positions_px, axis=0) == pytest.approx(
        np.sort(there.positions_px, axis=0), abs=1e-6
    )
