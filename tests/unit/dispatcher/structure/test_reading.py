"""Structure files, good and bad."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import ase
import ase.build
import ase.io
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import StructureError, UnreadableFileError
from sim_dispatcher.structure import Cluster, parse_cluster, read_cluster
from sim_dispatcher.structure.reading import cluster_from_ase


def benzene() -> ase.Atoms:
    return ase.build.molecule("C6H6")


@pytest.mark.parametrize("ending", ["xyz", "extxyz", "cif", "vasp"])
def test_common_formats_give_the_same_cluster(tmp_path: Path, ending: str) -> None:
    atoms = benzene()
    atoms.center(vacuum=6)
    path = tmp_path / f"benzene.{ending}"
    ase.io.write(path, atoms)
    cluster = read_cluster(path)
    assert sorted(cluster.symbols) == ["C"] * 6 + ["H"] * 6
    assert sorted(cluster.roles) == ["cap"] * 6 + ["rim"] * 6


def test_extended_xyz_carries_everything_there_and_back(clusters: dict[str, Cluster]) -> None:
    for cluster in (clusters["Si_C3"], clusters["sub_N"]):
        again = parse_cluster(cluster.extxyz())
        assert again.extxyz() == cluster.extxyz()
        assert again.digest == cluster.digest
        assert (again.roles, again.unpaired) == (cluster.roles, cluster.unpaired)
        assert again.origin_A == pytest.approx(cluster.origin_A, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.xyz", None, "does not exist"),
        ("empty.xyz", "", "not a structure"),
        ("words.xyz", "once upon a time", "not a structure"),
        ("cut.xyz", "12\n\nC 0 0 0\n", "not a structure"),
        ("odd.format", "H 0 0 0", "not a structure"),
    ],
)
def test_an_unreadable_file_is_named(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(UnreadableFileError, match=message) as caught:
        read_cluster(path)
    assert name in caught.value.message


def test_overlapping_atoms_are_refused_by_number() -> None:
    atoms = benzene()
    atoms.positions[3] = atoms.positions[2] + [0.3, 0, 0]
    with pytest.raises(StructureError, match=r"Atoms 2 .* and 3 .* overlap: 0.30"):
        cluster_from_ase(atoms)


def test_fragments_are_refused() -> None:
    two = benzene() + ase.Atoms("He", [[9.0, 9.0, 9.0]])
    with pytest.raises(StructureError, match="2 fragments"):
        cluster_from_ase(two)


def test_a_stretched_bond_is_no_fragment() -> None:
    assert len(cluster_from_ase(ase.Atoms("H2", [[0, 0, 0], [0, 0, 0.85]]))) == 2


def test_unknown_elements_are_refused() -> None:
    atoms = benzene()
    atoms.symbols[0] = "X"
    with pytest.raises(StructureError, match="unknown element 'X'"):
        cluster_from_ase(atoms)


def test_an_empty_structure_is_refused() -> None:
    with pytest.raises(StructureError, match="no atoms"):
        cluster_from_ase(ase.Atoms())


def test_positions_that_are_not_numbers_are_refused() -> None:
    atoms = benzene()
    atoms.positions[0, 0] = np.nan
    with pytest.raises(StructureError, match="not numbers"):
        cluster_from_ase(atoms)


def test_a_crystal_keeps_its_lattice_and_a_molecule_in_a_periodic_box_has_none() -> None:
    silicon = cluster_from_ase(ase.build.bulk("Si"))
    assert silicon.lattice_A is not None
    assert np.allclose(silicon.lattice_A, ase.build.bulk("Si").cell.array)
    atoms = benzene()
    atoms.center(vacuum=6)
    atoms.pbc = True
    assert cluster_from_ase(atoms).lattice_A is None


@pytest.mark.parametrize("flat", [True, False])
def test_a_sheet_without_a_third_vector_gets_vacuum_and_travels_as_a_crystal(*, flat: bool) -> None:
    atoms = ase.build.graphene(size=(2, 2, 1), vacuum=None if flat else 10)
    cluster = cluster_from_ase(atoms)
    assert cluster.lattice_A is not None
    assert np.linalg.norm(cluster.lattice_A[2]) >= 16.0
    again = parse_cluster(cluster.extxyz())
    assert again.digest == cluster.digest
    assert again.lattice_A is not None
    assert np.array_equal(again.lattice_A, cluster.lattice_A)
    assert set(again.roles) == {"interior"}


def test_atoms_that_overlap_across_a_face_of_the_cell_are_refused() -> None:
    atoms = ase.build.graphene(size=(2, 2, 1), vacuum=10)
    atoms.append(ase.Atom("C", atoms.positions[0] + atoms.cell.array[1] + [0.2, 0.1, 0.0]))
    with pytest.raises(StructureError, match="overlap"):
        cluster_from_ase(atoms)


def test_unpaired_electrons_that_contradict_the_count_are_refused() -> None:
    atoms = benzene()
    atoms.info["unpaired"] = 1
    with pytest.raises(StructureError, match="contradict"):
        cluster_from_ase(atoms)


def test_a_radical_cation_gets_its_unpaired_electron() -> None:
    atoms = benzene()
    atoms.info["charge"] = 1
    cluster = cluster_from_ase(atoms)
    assert (cluster.charge, cluster.unpaired) == (1, 1)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=3))
def test_any_note_survives_the_comment_line_up_to_its_quotes_and_bars(notes: list[str]) -> None:
    cluster = cluster_from_ase(benzene()).noted(*notes)
    once = parse_cluster(cluster.extxyz())
    again = parse_cluster(once.extxyz())
    assert again.notes == once.notes
    assert len(once.notes) <= len(notes)
    assert again.digest == cluster.digest


def test_notes_errors_and_probabilities_travel_but_do_not_rename_the_structure() -> None:
    plain = cluster_from_ase(benzene())
    sigma = np.where(np.array(plain.symbols) == "C", 0.07, np.nan)
    known = dataclasses.replace(plain, sigma_A=sigma, p=sigma * 10).noted("1 2 3", "p = 0.4")
    again = parse_cluster(known.extxyz())
    assert again.notes == ("1 2 3", "p = 0.4")
    assert again.sigma_A is not None
    assert np.array_equal(again.sigma_A, sigma, equal_nan=True)
    assert again.p is not None
    assert np.allclose(again.p, sigma * 10, equal_nan=True)
    assert known.digest == plain.digest == again.digest
    assert (plain.sigma_A, plain.p, parse_cluster(plain.extxyz()).sigma_A) == (None, None, None)
