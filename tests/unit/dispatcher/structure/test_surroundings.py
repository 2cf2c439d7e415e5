"""What a cut says of its scale, of the frame's border and of atoms in doubt."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import StructureError
from shared.lattice import find_bonds, find_rings
from shared.testing.structures import PlanarStructure, graphene, substituted, vacancy
from sim_dispatcher.structure import (
    PAPER,
    RADIUS_A,
    Cluster,
    CutRules,
    DetectedAtoms,
    build_cluster,
    certainty,
)
from sim_dispatcher.structure.scale import Scale, measure_scale

Detect = Callable[[PlanarStructure], DetectedAtoms]

SHEET = graphene()
SILICON = substituted("Si")


def scale_of(positions_A: np.ndarray) -> Scale:
    symbols = ("C",) * len(positions_A)
    graph = find_bonds(positions_A, symbols)
    found = measure_scale(positions_A, symbols, graph, find_rings(graph))
    assert found is not None
    return found


@settings(max_examples=10, deadline=None)
@given(stretch=st.floats(-0.04, 0.04), along=st.floats(0, 180), factor=st.floats(0.96, 1.04))
def test_scale_and_anisotropy_of_a_distorted_scan_are_measured(
    stretch: float, along: float, factor: float
) -> None:
    axis = np.array([np.cos(np.radians(along)), np.sin(np.radians(along))])
    distortion = factor * (np.eye(2) + stretch * np.outer(axis, axis))
    found = scale_of(SHEET.positions_A @ distortion)
    assert found.anisotropy == pytest.approx(max(1 + stretch, 1 / (1 + stretch)) - 1, abs=1e-3)
    assert found.ratio == pytest.approx(factor * (1 + stretch / 2), abs=0.02)
    if stretch > 0.01:
        off = abs(found.direction_deg - along) % 180
        assert min(off, 180 - off) < 1.0


def test_noise_alone_is_no_anisotropy_worth_a_note() -> None:
    for seed in range(5):
        assert scale_of(SHEET.displaced(0.07, seed).positions_A).notes == ()


def test_a_distorted_scan_is_noted_with_its_direction(detect: Detect) -> None:
    atoms = detect(SHEET)
    stretched = dataclasses.replace(atoms, positions_A=atoms.positions_A * [1.04, 1.0])
    cluster = build_cluster(stretched, (15.6, 15.0))
    assert any("4.0% longer along 0 degrees" in note for note in cluster.notes)


@pytest.mark.parametrize("factor", [0.93, 1.06, 1.5, 0.5, 2.0])
def test_a_wrong_scale_is_refused_with_what_was_measured_and_the_remedy(
    detect: Detect, factor: float
) -> None:
    atoms = detect(graphene((60.0, 60.0)) if factor < 1 else SHEET)
    middle = float(atoms.positions_A.max() / 2 * factor)
    scaled = dataclasses.replace(atoms, positions_A=atoms.positions_A * factor)
    with pytest.raises(StructureError, match=f"{1.42 * factor:.2f}"[:3]) as caught:
        build_cluster(scaled, (middle, middle))
    multiply = float(str(caught.value.remedy).split()[-1].rstrip("."))
    assert multiply == pytest.approx(1 / factor, rel=0.01)


def framed(structure: PlanarStructure) -> DetectedAtoms:
    return DetectedAtoms(
        structure.elements, structure.positions_A, structure.p, bounds_A=structure.bounds
    )


def test_a_defect_at_the_frames_border_is_refused_with_its_distance() -> None:
    with pytest.raises(StructureError, match=r"1\.2 Å from the frame's border") as caught:
        build_cluster(framed(SHEET), (1.2, 15.0))
    assert "Move the stage" in str(caught.value.remedy)


def test_a_cut_that_the_frame_cuts_short_says_so() -> None:
    inside = build_cluster(framed(SHEET), (15.0, 15.0))
    short = build_cluster(framed(SHEET), (5.0, 15.0))
    assert not any("smaller than asked for" in note for note in inside.notes)
    assert any("frame ends 5.0 Å from the centre" in note for note in short.notes)
    assert len(short) < len(inside)
    unbounded = dataclasses.replace(framed(SHEET), bounds_A=None)
    notes = build_cluster(unbounded, (5.0, 15.0)).notes
    assert any("sheet ends" in note for note in notes)


@settings(max_examples=15, deadline=None)
@given(x=st.floats(2.1, 27.9), y=st.floats(2.1, 27.9))
def test_every_cut_about_the_border_is_whole_or_says_that_it_is_not(x: float, y: float) -> None:
    try:
        cluster = build_cluster(framed(SHEET), (x, y))
    except StructureError:
        return
    depth = min(x, y, 30 - x, 30 - y)
    said = any("smaller than asked for" in note for note in cluster.notes)
    if depth > 9.0:
        assert not said
    if depth < 4.5:
        assert said


def doubtful(p: float) -> tuple[DetectedAtoms, tuple[float, float]]:
    """Return an open vacancy with a faint carbon in it."""
    sheet = vacancy(reconstructed=False)
    positions = np.vstack([sheet.positions_A, sheet.centre_A])
    atoms = DetectedAtoms((*sheet.elements, "C"), positions, np.append(sheet.p, p))
    return atoms, sheet.centre_A


def test_a_doubt_is_refused_or_noted_as_the_rules_say() -> None:
    atoms, centre = doubtful(0.4)
    with pytest.raises(StructureError, match=r"uncertain \(p = 0\.40\)"):
        build_cluster(atoms, centre)
    noted = build_cluster(atoms, centre, rules=CutRules(doubts="note"))
    assert any("p = 0.40" in note and "left out" in note for note in noted.notes)


@given(p=st.floats(0.0, 1.0))
@settings(max_examples=20, deadline=None)
def test_certainty_is_that_of_the_most_doubtful_atom_nearby(p: float) -> None:
    atoms, centre = doubtful(p)
    assert certainty(atoms, centre) == pytest.approx(abs(2 * p - 1))
    assert certainty(atoms, (centre[0] + 12, centre[1])) == 1.0


def test_another_name_for_a_firm_atom_is_no_doubt_that_it_is_there() -> None:
    both = DetectedAtoms(
        (*SILICON.elements, "C"),
        np.vstack([SILICON.positions_A, SILICON.centre_A]),
        np.append(SILICON.p, 0.45),
    )
    assert certainty(both, SILICON.centre_A) == 1.0


def test_a_place_without_atoms_has_nothing_to_doubt() -> None:
    assert certainty(DetectedAtoms((), np.empty((0, 2)), np.empty(0)), (0.0, 0.0)) == 1.0


def test_the_papers_91_carbon_atoms_are_there_about_a_suitable_centre() -> None:
    """A circle of 8.99 Å about a point 0.6 Å from an atom; other points give 86 to 96."""
    counts: dict[float, tuple[int, int]] = {}
    for angle in (0.0, 7.0, 23.0):
        sheet = graphene((40.0, 40.0), angle_deg=angle)
        atoms = DetectedAtoms(sheet.elements, sheet.positions_A, sheet.p)
        middle = int(np.argmin(np.hypot(*(atoms.positions_A - 20.0).T)))
        bonded = np.hypot(*(atoms.positions_A - atoms.positions_A[middle]).T)
        along = atoms.positions_A[np.argsort(bonded)[1]] - atoms.positions_A[middle]
        along /= np.linalg.norm(along)
        across = np.array([-along[1], along[0]])
        x, y = atoms.positions_A[middle] - 0.4 * along + 0.45 * across
        cluster: Cluster = build_cluster(atoms, (float(x), float(y)), RADIUS_A, PAPER)
        counts[angle] = (cluster.symbols.count("C"), cluster.symbols.count("H"))
        assert cluster.cell_A == (25.786, 25.786, 25.786)
        assert cluster.unpaired == 1
    assert set(counts.values()) == {(91, 25)}
