"""Alignment, projection, bonds, boxes."""

from __future__ import annotations

import ase.build
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from shared.errors import StructureError
from sim_dispatcher.structure import Cluster
from sim_dispatcher.structure.alignment import aligned, rigid_motion
from sim_dispatcher.structure.bonds import bond_statistics
from sim_dispatcher.structure.box import boxed
from sim_dispatcher.structure.census import ring_census
from sim_dispatcher.structure.checks import check_size
from sim_dispatcher.structure.seed import seed_heights
from sim_dispatcher.structure.spin import unpaired_electrons

ANGLES = st.tuples(*(st.floats(-3, 3) for _ in range(3)))


@settings(deadline=None)
@given(angles=ANGLES, seed=st.integers(0, 99))
def test_alignment_undoes_any_rigid_motion(angles: tuple[float, ...], seed: int) -> None:
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(8, 3))
    moved = points @ Rotation.from_rotvec(angles).as_matrix().T + generator.normal(size=3)
    assert np.allclose(aligned(moved, points), points, atol=1e-9)


def test_alignment_never_mirrors() -> None:
    points = np.random.default_rng(1).normal(size=(6, 3))
    rotation, _ = rigid_motion(points * [-1, 1, 1], points)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


@settings(deadline=None)
@given(angles=ANGLES)
def test_rings_do_not_depend_on_how_the_sheet_lies_in_space(angles: tuple[float, ...]) -> None:
    coronene = np.array(CORONENE)
    turned = coronene @ Rotation.from_rotvec(angles).as_matrix().T
    assert ring_census(["C"] * 24, turned) == {"6": 7}


def test_a_pair_of_atoms_has_no_rings() -> None:
    assert ring_census(["C", "O"], np.array([[0, 0, 0], [1.13, 0, 0]])) == {}


def test_bond_statistics_of_methanol_name_kinds_alphabetically() -> None:
    atoms = ase.build.molecule("CH3OH")
    bonds = bond_statistics(atoms.get_chemical_symbols(), atoms.positions)
    assert {kind: found.n for kind, found in bonds.items()} == {"C-H": 3, "C-O": 1, "H-O": 1}
    assert bonds["C-O"].mean == pytest.approx(1.42, abs=0.02)


def test_the_seed_is_the_structures_own() -> None:
    positions = np.random.default_rng(2).normal(size=(200, 2)) * 10
    heights = seed_heights(["C"] * 200, positions)
    assert np.array_equal(heights, seed_heights(["C"] * 200, positions))
    assert not np.array_equal(heights, seed_heights(["C"] * 200, positions + 0.02))
    assert np.std(heights) == pytest.approx(0.02, rel=0.2)


def test_a_cluster_larger_than_the_papers_cube_is_refused(clusters: dict[str, Cluster]) -> None:
    with pytest.raises(StructureError, match="does not fit"):
        boxed(clusters["pristine"].positions_A * 2, 25.786)


def test_a_structure_too_large_for_a_level_is_refused_with_both_numbers() -> None:
    with pytest.raises(StructureError, match=r"3000 atoms .* gfn1, which takes 400"):
        check_size(3000, 400, "gfn1")


def test_parity_counts_charge() -> None:
    assert unpaired_electrons(["C", "H", "H", "H"]) == 1
    assert unpaired_electrons(["C", "H", "H", "H"], charge=1) == 0


@settings(max_examples=15, deadline=None)
@given(
    across=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    angle=st.floats(0, 360),
    shift=st.tuples(st.floats(-30, 30), st.floats(-30, 30)),
)
def test_a_cell_of_graphene_has_as_many_hexagons_as_cells_however_it_lies(
    across: tuple[int, int], angle: float, shift: tuple[float, float]
) -> None:
    cell = ase.build.graphene(vacuum=10) * (*across, 1)
    cell.rotate(angle, "z", rotate_cell=True)
    positions = cell.positions + np.array([*shift, 0.0])
    symbols = cell.get_chemical_symbols()
    count = across[0] * across[1]
    assert ring_census(symbols, positions, cell.cell.array) == {"6": count}
    bonds = bond_statistics(symbols, positions, cell.cell.array)["C-C"]
    assert bonds.n == 3 * count
    assert bonds.max - bonds.min < 1e-9


def test_a_solid_has_bonds_but_no_faces_to_count() -> None:
    solid = ase.build.bulk("Si")
    symbols = solid.get_chemical_symbols()
    assert bond_statistics(symbols, solid.positions, solid.cell.array)["Si-Si"].n == 4
    assert ring_census(symbols, solid.positions, solid.cell.array) == {}


def _coronene() -> list[tuple[float, float, float]]:
    from sim_dispatcher.structure.honeycomb import enclosed_sites, walk

    rim = walk((2, 2, 3) * 6)
    assert rim is not None
    flat = np.concatenate([rim, enclosed_sites(rim)])
    return [(float(x), float(y), 0.0) for x, y in flat]


CORONENE = _coronene()
