"""Periodic cells: lattices fitted to a measurement, and defects planted into them."""

from __future__ import annotations

import dataclasses
from collections import Counter

import ase.build
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import StructureError
from shared.lattice import find_bonds, find_rings
from shared.testing.structures import DEFECTS, PlanarStructure, graphene, substituted
from sim_dispatcher.structure import Cluster, DetectedAtoms, parse_cluster, periodic_cell
from sim_dispatcher.structure.bonds import bond_statistics
from sim_dispatcher.structure.census import ring_census
from sim_dispatcher.structure.lattice_fit import fit_honeycomb
from sim_dispatcher.structure.pristine import NoTwin, pristine_twin
from sim_dispatcher.structure.reading import cluster_from_ase
from sim_dispatcher.structure.supercell import BRAVAIS, Bravais, choose_supercell

SHEET = graphene((40.0, 40.0))

CENSUS = {
    "pristine": {},
    "V1": {"5": 1, "9": 1},
    "V2_585": {"5": 2, "8": 1},
    "V_555777": {"5": 3, "7": 3},
    "SW_5577": {"5": 2, "7": 2},
    "Si_C3": {},
    "Si_C4": {"5": 2},
    "Si_dimer": {},
    "Si_trimer": {"3": 1, "5": 3},
    "sub_N": {},
}


def atoms_of(structure: PlanarStructure) -> DetectedAtoms:
    return DetectedAtoms(structure.elements, structure.positions_A, structure.p)


def census(cluster: Cluster) -> dict[str, int]:
    return ring_census(cluster.symbols, cluster.positions_A, cluster.lattice_A)


@settings(max_examples=8, deadline=None)
@given(
    angle=st.floats(0, 60),
    stretch=st.floats(-0.03, 0.03),
    along=st.floats(0, 180),
    seed=st.integers(0, 99),
)
def test_the_fitted_lattice_is_that_of_the_distorted_noisy_sheet(
    angle: float, stretch: float, along: float, seed: int
) -> None:
    axis = np.array([np.cos(np.radians(along)), np.sin(np.radians(along))])
    distortion = np.eye(2) + stretch * np.outer(axis, axis)
    sheet = graphene((24.0, 24.0), angle_deg=angle)
    positions = sheet.positions_A @ distortion
    noisy = positions + np.random.default_rng(seed).normal(0, 0.05, positions.shape)
    fitted = fit_honeycomb(find_rings(find_bonds(noisy, sheet.elements)))
    area = np.linalg.det(fitted.vectors_A)
    assert area == pytest.approx(2.46**2 * np.sqrt(0.75) * np.linalg.det(distortion), rel=0.01)
    sites = fitted.places(positions) - 1 / 3
    off = np.minimum(
        np.linalg.norm(sites - np.round(sites), axis=1),
        np.linalg.norm(sites - 1 / 3 - np.round(sites - 1 / 3), axis=1),
    )
    assert off.max() < 0.03


def test_a_grain_boundary_has_no_lattice_and_the_reason_is_said() -> None:
    boundary = DEFECTS["GB"]()
    rings = find_rings(find_bonds(boundary.positions_A, boundary.elements))
    with pytest.raises(StructureError, match="no single lattice"):
        fit_honeycomb(rings)
    with pytest.raises(StructureError) as caught:
        periodic_cell(atoms_of(boundary), boundary.centre_A, 16.0)
    assert "second, opposite" in str(caught.value.remedy)


@pytest.mark.parametrize("lattice", BRAVAIS)
def test_every_bravais_lattice_has_its_shape_to_the_last_digit(lattice: Bravais) -> None:
    cell = choose_supercell(lattice, 15.0)
    (a, b), (x, _) = np.linalg.norm(cell.vectors_A, axis=1), cell.vectors_A[1] / 1.0
    cosine = float(x / b)
    equal = lattice in {"centred", "square", "hexagonal"}
    assert (abs(a - b) < 1e-9) == equal
    if lattice in {"rectangular", "square"}:
        assert abs(cosine) < 1e-12
    if lattice == "hexagonal":
        assert cosine == pytest.approx(0.5)
    assert cell.strain < (0.01 if lattice == "square" else 1e-9)
    assert abs(np.linalg.det(cell.vectors_A)) == pytest.approx(
        cell.n_cells * 2.46**2 * np.sqrt(0.75)
    )


@settings(max_examples=8, deadline=None)
@given(lattice=st.sampled_from(BRAVAIS), edge=st.floats(9.0, 25.0))
def test_a_cell_is_at_least_as_wide_as_asked_for_and_never_overstrained(
    lattice: Bravais, edge: float
) -> None:
    try:
        cell = choose_supercell(lattice, edge)
    except StructureError:
        return
    widths = np.linalg.det(cell.vectors_A) / np.linalg.norm(cell.vectors_A, axis=1)
    assert widths.min() > edge * 0.98


@pytest.mark.parametrize("name", sorted(CENSUS))
def test_a_planted_defect_keeps_its_rings_and_its_atoms(name: str) -> None:
    builders = {str(kind): build for kind, build in DEFECTS.items()}
    structure = SHEET if name == "pristine" else builders[name]().displaced(0.03)
    cell = periodic_cell(atoms_of(structure), structure.centre_A, 18.0)
    found = census(cell)
    assert {size: n for size, n in found.items() if size != "6"} == CENSUS[name]
    bonds = bond_statistics(cell.symbols, cell.positions_A, cell.lattice_A)
    assert sum(found.values()) == sum(kind.n for kind in bonds.values()) - len(cell)
    again = parse_cluster(cell.extxyz())
    assert again.digest == cell.digest
    assert any("strain 0.00%" in note for note in cell.notes)


@settings(max_examples=6, deadline=None)
@given(
    angle=st.floats(0, 360),
    mirror=st.booleans(),
    seed=st.integers(0, 99),
    lattice=st.sampled_from(BRAVAIS),
)
def test_the_cell_does_not_depend_on_how_the_defect_lay_in_the_frame(
    angle: float, seed: int, lattice: Bravais, *, mirror: bool
) -> None:
    silicon = substituted("Si")
    turned = silicon.transformed(angle, mirror=mirror).permuted(seed)
    found = []
    for structure in (silicon, turned):
        cell = periodic_cell(atoms_of(structure), structure.centre_A, 12.0, lattice)
        flat = cell.positions_A * [1, 1, 0]
        bonds = bond_statistics(cell.symbols, flat, cell.lattice_A)
        found.append((Counter(cell.symbols), census(cell), cell.cell_A, bonds["C-Si"].mean))
    assert found[0][:2] == found[1][:2]
    assert found[0][2] == pytest.approx(found[1][2])
    assert found[0][3] == pytest.approx(found[1][3], abs=1e-3)


def test_scale_and_distortion_of_the_scan_are_taken_out() -> None:
    atoms = atoms_of(SHEET)
    stretched = dataclasses.replace(atoms, positions_A=atoms.positions_A * [1.03, 0.99])
    cell = periodic_cell(stretched, (20.6, 19.8), 15.0)
    bonds = bond_statistics(cell.symbols, cell.positions_A[:, :], cell.lattice_A)["C-C"]
    assert bonds.mean == pytest.approx(1.42, abs=0.002)
    assert any("taken out" in note for note in cell.notes)


def test_a_cell_too_small_for_its_defect_is_refused_with_the_size_it_needs() -> None:
    structure = DEFECTS["V_555777"]()
    with pytest.raises(StructureError, match="has room for") as caught:
        periodic_cell(atoms_of(structure), structure.centre_A, 7.5, "centred")
    assert "Ask for a cell" in str(caught.value.remedy)


def test_a_cell_that_strains_the_sheet_too_much_is_refused() -> None:
    with pytest.raises(StructureError, match="strains graphene by"):
        periodic_cell(atoms_of(SHEET), SHEET.centre_A, 4.0, "square")


@pytest.mark.parametrize("lattice", BRAVAIS)
def test_the_twin_of_a_cell_is_perfect_graphene_in_the_same_cell(lattice: Bravais) -> None:
    silicon = substituted("Si").displaced(0.03)
    cell = periodic_cell(atoms_of(silicon), silicon.centre_A, 12.0, lattice)
    twin = pristine_twin(cell)
    assert isinstance(twin, Cluster)
    assert Counter(twin.symbols) == {"C": len(cell)}
    assert census(twin) == {"6": len(cell) // 2}
    bonds = bond_statistics(twin.symbols, twin.positions_A * [1, 1, 0], twin.lattice_A)["C-C"]
    assert bonds.max - bonds.min < 0.05
    assert np.array_equal(np.asarray(twin.lattice_A), np.asarray(cell.lattice_A))


def test_a_solid_or_a_cell_of_another_size_has_no_twin() -> None:
    assert isinstance(pristine_twin(cluster_from_ase(ase.build.bulk("Si"))), NoTwin)
    stretched = ase.build.graphene(size=(3, 3, 1), vacuum=10)
    stretched.set_cell(stretched.cell.array * [1.05, 1.0, 1.0], scale_atoms=True)
    assert isinstance(pristine_twin(cluster_from_ase(stretched)), NoTwin)
