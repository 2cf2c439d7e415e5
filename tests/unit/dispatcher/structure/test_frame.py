"""The whole frame as one object, and structures as files."""

from __future__ import annotations

import io
import time
from collections import Counter
from pathlib import Path

import ase.io
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from shared.errors import ConfigurationError, StructureError
from shared.testing.structures import PlanarStructure, adatom, graphene, hole, substituted
from sim_dispatcher.levels import choose_level
from sim_dispatcher.structure import (
    Cluster,
    DetectedAtoms,
    build_frame,
    exported,
    parse_cluster,
    read_cluster,
)
from sim_dispatcher.structure.bonds import bonded_pairs, neighbours
from sim_dispatcher.structure.checks import fragments


def framed(structure: PlanarStructure) -> Cluster:
    return build_frame(DetectedAtoms(structure.elements, structure.positions_A, structure.p))


def around(cluster: Cluster) -> list[list[int]]:
    return neighbours(len(cluster), bonded_pairs(cluster.symbols, cluster.positions_A))


@settings(max_examples=5, deadline=None)
@given(
    angle=st.floats(0, 60),
    seed=st.integers(0, 100),
    missing=st.floats(0, 0.08),
    sigma=st.floats(0, 0.05),
)
def test_every_frame_is_one_piece_whose_outer_rim_alone_is_capped(
    angle: float, seed: int, missing: float, sigma: float
) -> None:
    sheet = graphene((22.0, 22.0), angle_deg=angle).thinned(missing, seed).displaced(sigma, seed)
    whole = framed(sheet)
    pairs = bonded_pairs(whole.symbols, whole.positions_A)
    assert fragments(len(whole), pairs).max() == 0
    assert pdist(whole.positions_A).min() > 0.7
    for cap in whole.indices("cap").tolist():
        assert any(whole.roles[i] == "rim" for i in around(whole)[cap])
    assert int(whole.numbers.sum() - whole.unpaired) % 2 == 0
    assert Counter(whole.symbols)["H"] == Counter(whole.roles)["cap"]


def test_more_than_two_thousand_atoms_are_built_in_less_than_a_second_of_processor_time() -> None:
    sheet = graphene((75.0, 75.0)).displaced(0.05)
    began = time.process_time()
    whole = framed(sheet)
    spent = time.process_time() - began
    assert whole.symbols.count("C") > 2000
    assert spent < 1.0
    assert len(whole) <= choose_level("gfnff").max_atoms


def test_a_hole_in_a_frame_stays_bare() -> None:
    whole = framed(hole())
    middle = np.asarray(hole().centre_A) - whole.origin_A
    away = np.hypot(*(whole.positions_A[:, :2] - middle).T)
    assert away[whole.indices("cap")].min() > 10.0
    assert any("stay bare" in note for note in whole.notes)


def test_one_false_atom_does_not_stop_a_frame() -> None:
    structure = adatom()
    p = np.where(np.arange(len(structure.p)) == len(structure.p) - 1, 0.6, 1.0)
    atoms = DetectedAtoms(structure.elements, structure.positions_A, p)
    assert any("too close to a likelier one" in note for note in build_frame(atoms).notes)


def test_an_unknown_element_and_an_empty_frame_are_refused() -> None:
    with pytest.raises(StructureError, match="unknown element"):
        framed(substituted("X"))
    with pytest.raises(StructureError, match="no atoms"):
        build_frame(DetectedAtoms((), np.empty((0, 2)), np.empty(0)))


def test_sources_lead_back_to_the_list(clusters: dict[str, Cluster]) -> None:
    sheet = graphene().permuted(3)
    whole = framed(sheet)
    seen = np.array(whole.source) >= 0
    back = whole.positions_A[seen, :2] + np.array(whole.origin_A)
    assert np.allclose(back, sheet.positions_A[np.array(whole.source)[seen]], atol=1e-7)
    assert len(whole) > len(clusters["pristine"])


def test_coordinates_that_may_not_move_are_read_back_as_constraints(
    clusters: dict[str, Cluster],
) -> None:
    cluster = clusters["SW_5577"]
    free = np.ones((len(cluster), 3), dtype=bool)
    free[cluster.indices("rim", "cap")] = False
    free[0] = [False, False, True]
    text = exported(cluster, "extxyz", free)
    atoms = ase.io.read(io.StringIO(text), format="extxyz")
    held = np.zeros_like(free)
    for constraint in atoms.constraints:
        held[constraint.index] = constraint.mask
    assert np.array_equal(held, ~free)
    assert parse_cluster(text).digest == cluster.digest


def test_poscar_keeps_flags_beside_their_atoms(clusters: dict[str, Cluster]) -> None:
    cluster = clusters["Si_C3"]
    free = np.ones((len(cluster), 3), dtype=bool)
    free[:, :2] = False
    free[cluster.indices("cap")] = False
    atoms = ase.io.read(io.StringIO(exported(cluster, "poscar", free)), format="vasp")
    assert Counter(atoms.get_chemical_symbols()) == Counter(cluster.symbols)
    order = np.argsort(np.array(cluster.symbols), kind="stable")
    assert np.allclose(atoms.positions, cluster.positions_A[order], atol=1e-7)
    held = np.zeros_like(free)
    for constraint in atoms.constraints:
        rows = np.atleast_1d(constraint.index)
        held[rows] = getattr(constraint, "mask", np.ones(3, dtype=bool))
    assert np.array_equal(held, ~free[order])


@pytest.mark.parametrize("form", ["extxyz", "cif", "poscar"])
def test_every_format_is_read_back_as_the_same_molecule(
    clusters: dict[str, Cluster], tmp_path: Path, form: str
) -> None:
    cluster = clusters["V1"]
    path = tmp_path / {"extxyz": "a.extxyz", "cif": "a.cif", "poscar": "POSCAR"}[form]
    path.write_text(exported(cluster, form))
    again = read_cluster(path)
    assert Counter(again.symbols) == Counter(cluster.symbols)
    assert np.allclose(
        np.sort(pdist(again.positions_A)), np.sort(pdist(cluster.positions_A)), atol=1e-3
    )
    assert again.lattice_A is None


def test_an_unknown_format_and_a_mask_that_does_not_fit_are_refused(
    clusters: dict[str, Cluster],
) -> None:
    with pytest.raises(ConfigurationError, match="extxyz, cif, poscar"):
        exported(clusters["V1"], "pdb")
    with pytest.raises(ConfigurationError, match="does not fit"):
        exported(clusters["V1"], "poscar", np.ones((3, 3), dtype=bool))
