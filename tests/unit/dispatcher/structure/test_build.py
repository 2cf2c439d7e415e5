"""Cutting clusters out of detected atoms."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from shared.errors import StructureError
from shared.messages.atoms import ATOM
from shared.testing.structures import (
    DEFECTS,
    PlanarStructure,
    adatom,
    graphene,
    stone_wales,
    substituted,
    vacancy,
)
from sim_dispatcher.structure import PAPER, Cluster, CutRules, DetectedAtoms, build_cluster
from sim_dispatcher.structure.bonds import bonded_pairs, neighbours
from sim_dispatcher.structure.census import ring_census
from sim_dispatcher.structure.checks import fragments

Cut = Callable[[PlanarStructure], Cluster]
Detect = Callable[[PlanarStructure], DetectedAtoms]

SILICON = substituted("Si")
ROTATED = stone_wales()


def heavy_degrees(cluster: Cluster) -> list[int]:
    around = neighbours(len(cluster), bonded_pairs(cluster.symbols, cluster.positions_A))
    return [len(around[i]) for i, symbol in enumerate(cluster.symbols) if symbol != "H"]


@pytest.mark.parametrize("name", sorted(set(DEFECTS) - {"adatom", "hole"}))
def test_every_defect_gives_one_connected_cluster_without_loose_ends(
    clusters: dict[str, Cluster], name: str
) -> None:
    cluster = clusters[name]
    pairs = bonded_pairs(cluster.symbols, cluster.positions_A)
    assert fragments(len(cluster), pairs).max() == 0
    assert min(heavy_degrees(cluster)) >= 2
    assert Counter(cluster.roles)["cap"] == Counter(cluster.symbols)["H"]
    assert pdist(cluster.positions_A).min() > 1.0


def test_caps_sit_at_1_09_angstrom_on_twofold_carbon_of_the_rim(cut: Cut) -> None:
    cluster = cut(graphene())
    around = neighbours(len(cluster), bonded_pairs(cluster.symbols, cluster.positions_A))
    for cap in cluster.indices("cap"):
        (carrier,) = around[cap]
        flat = (cluster.positions_A[cap] - cluster.positions_A[carrier])[:2]
        assert cluster.roles[carrier] == "rim"
        assert np.linalg.norm(flat) == pytest.approx(1.09, abs=1e-6)
    assert set(heavy_degrees(cluster)) == {3}


def test_a_vacancy_stays_bare_by_default_and_is_capped_by_the_papers_preset(
    detect: Detect,
) -> None:
    structure = vacancy()
    bare = build_cluster(detect(structure), structure.centre_A)
    capped = build_cluster(detect(structure), structure.centre_A, rules=PAPER)
    assert Counter(capped.symbols)["H"] == Counter(bare.symbols)["H"] + 1
    assert any("stay bare" in note for note in bare.notes)
    assert capped.cell_A == (25.786, 25.786, 25.786)


def test_caps_that_would_bond_to_each_other_are_refused(detect: Detect) -> None:
    structure = vacancy(reconstructed=False)
    with pytest.raises(StructureError, match=r"hydrogen atoms would be 0\.\d+ Å apart"):
        build_cluster(detect(structure), structure.centre_A, rules=PAPER)


def test_positions_and_origin_lead_back_to_the_frame(detect: Detect) -> None:
    structure = SILICON.displaced(0.05)
    cluster = build_cluster(detect(structure), structure.centre_A)
    seen = np.array(cluster.source) >= 0
    back = cluster.positions_A[seen, :2] + np.array(cluster.origin_A)
    assert np.allclose(back, structure.positions_A[np.array(cluster.source)[seen]], atol=1e-9)
    assert [structure.elements[i] for i in cluster.source if i >= 0] == [
        symbol for symbol in cluster.symbols if symbol != "H"
    ]


def test_all_atoms_lie_inside_the_box_with_eight_angstrom_of_vacuum(cut: Cut) -> None:
    cluster = cut(graphene())
    assert cluster.positions_A.min() >= 8.0 - 1e-9
    assert np.all(cluster.positions_A.max(axis=0) <= np.array(cluster.cell_A) - 8.0 + 1e-9)


@settings(max_examples=5, deadline=None)
@given(angle=st.floats(0, 360), mirror=st.booleans(), seed=st.integers(0, 1000))
def test_a_cluster_does_not_depend_on_orientation_or_order(
    angle: float, mirror: bool, seed: int
) -> None:
    structure = ROTATED
    turned = structure.transformed(angle, mirror=mirror).permuted(seed)
    one, other = (
        build_cluster(DetectedAtoms(s.elements, s.positions_A, s.p), s.centre_A)
        for s in (structure, turned)
    )
    assert Counter(one.symbols) == Counter(other.symbols)
    rings = [ring_census(c.symbols, c.positions_A) for c in (one, other)]
    assert rings[0] == rings[1]
    flat = [np.sort(pdist(c.positions_A[:, :2])) for c in (one, other)]
    assert np.allclose(flat[0], flat[1], atol=1e-6)


def test_the_same_atoms_give_the_same_digest_and_others_do_not(cut: Cut) -> None:
    structure = SILICON
    assert cut(structure).digest == cut(structure).digest
    assert cut(structure).digest != cut(structure.displaced(0.05)).digest


def test_silicon_starts_above_the_sheet(cut: Cut) -> None:
    cluster = cut(SILICON)
    height = cluster.positions_A[cluster.symbols.index("Si"), 2]
    assert 0.9 < height - np.median(cluster.positions_A[:, 2]) < 1.1


def test_the_parity_of_electrons_decides_the_unpaired_one(clusters: dict[str, Cluster]) -> None:
    for cluster in clusters.values():
        assert (int(cluster.numbers.sum()) - cluster.unpaired) % 2 == 0
    assert clusters["sub_N"].unpaired == 1
    assert clusters["Si_C3"].unpaired == 0


def test_an_atom_listed_twice_becomes_one_at_the_weighted_place(detect: Detect) -> None:
    atoms = detect(graphene())
    middle = int(np.argmin(np.hypot(*(atoms.positions_A - 15.0).T)))
    twin = atoms.positions_A[middle] + [0.2, 0.0]
    double = DetectedAtoms(
        (*atoms.symbols, "Si"),
        np.vstack([atoms.positions_A, twin]),
        np.append(np.where(np.arange(len(atoms)) == middle, 0.6, 1.0), 0.9),
    )
    cluster = build_cluster(double, (15.0, 15.0))
    place = cluster.source.index(len(atoms))
    expected = atoms.positions_A[middle] + [0.2 * 0.9 / 1.5, 0.0]
    assert cluster.symbols[place] == "Si"
    assert np.allclose(cluster.positions_A[place, :2] + cluster.origin_A, expected)


def test_crowded_atoms_stop_the_cut_or_are_noted(detect: Detect) -> None:
    structure = adatom()
    with pytest.raises(StructureError, match="apart"):
        build_cluster(detect(structure), structure.centre_A)


def test_a_doubtful_atom_near_the_defect_stops_the_cut_unless_allowed(detect: Detect) -> None:
    structure = vacancy(reconstructed=False)
    atoms = detect(structure)
    doubtful = DetectedAtoms(
        (*atoms.symbols, "C"),
        np.vstack([atoms.positions_A, structure.centre_A]),
        np.append(atoms.p, 0.4),
    )
    with pytest.raises(StructureError, match=r"uncertain \(p = 0\.40\)"):
        build_cluster(doubtful, structure.centre_A)
    allowed = build_cluster(doubtful, structure.centre_A, rules=CutRules(doubtful_radius_A=0.0))
    assert len(allowed) == len(build_cluster(atoms, structure.centre_A))


def test_a_faint_entry_on_top_of_a_firm_atom_is_no_doubt(detect: Detect) -> None:
    structure = SILICON
    atoms = detect(structure)
    both = DetectedAtoms(
        (*atoms.symbols, "C"),
        np.vstack([atoms.positions_A, structure.centre_A]),
        np.append(atoms.p, 0.3),
    )
    assert len(build_cluster(both, structure.centre_A)) > 50


def test_an_empty_place_is_refused() -> None:
    nothing = DetectedAtoms((), np.empty((0, 2)), np.empty(0))
    with pytest.raises(StructureError, match="No atoms were detected"):
        build_cluster(nothing, (5.0, 5.0))


def test_a_place_without_whole_rings_is_refused(detect: Detect) -> None:
    with pytest.raises(StructureError, match="whole rings"):
        build_cluster(detect(graphene()), (15.0, 15.0), radius_A=1.0)


def test_a_wrong_scale_is_refused(detect: Detect) -> None:
    structure = graphene()
    atoms = detect(structure)
    scaled = dataclasses.replace(atoms, positions_A=atoms.positions_A * 1.06)
    with pytest.raises(StructureError, match="median C-C bond"):
        build_cluster(scaled, (15.9, 15.9))


def test_an_unknown_element_is_refused(detect: Detect) -> None:
    structure = substituted("X")
    with pytest.raises(StructureError, match="unknown element"):
        build_cluster(detect(structure), structure.centre_A)


def test_the_wires_atom_records_are_read_in_angstrom() -> None:
    table = np.zeros(2, dtype=ATOM)
    table["x_px"], table["y_px"], table["p"] = [10, 20], [30, 40], [0.9, 0.5]
    table["atomic_number"] = [14, 0]
    table["sigma_x_px"], table["sigma_y_px"] = [0.3, 0.0], [0.4, 0.0]
    table["sigma_y_px"][0] = np.sqrt(0.5 - 0.09)
    atoms = DetectedAtoms.from_table(table, 0.1)
    assert atoms.symbols == ("Si", "X")
    assert np.allclose(atoms.positions_A, [[1.0, 3.0], [2.0, 4.0]])
    assert atoms.sigma_A is not None
    assert np.allclose(atoms.sigma_A, [0.05, np.nan], equal_nan=True)


def test_the_cluster_keeps_each_atoms_error_and_probability(detect: Detect) -> None:
    atoms = detect(SILICON)
    errors = np.linspace(0.02, 0.2, len(atoms))
    sharp = dataclasses.replace(atoms, sigma_A=errors, p=np.linspace(0.6, 1.0, len(atoms)))
    cluster = build_cluster(sharp, SILICON.centre_A)
    seen = np.array(cluster.source) >= 0
    assert cluster.sigma_A is not None
    assert cluster.p is not None
    assert np.allclose(cluster.sigma_A[seen], errors[np.array(cluster.source)[seen]])
    assert np.isnan(cluster.sigma_A[~seen]).all()
    assert np.isnan(cluster.p[~seen]).all()
    assert build_cluster(atoms, SILICON.centre_A).sigma_A is None


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), sigma=st.floats(0.0, 0.05))
def test_measurement_noise_never_breaks_the_cut(seed: int, sigma: float) -> None:
    structure = SILICON.displaced(sigma, seed)
    atoms = DetectedAtoms(structure.elements, structure.positions_A, structure.p)
    cluster = build_cluster(atoms, structure.centre_A)
    assert Counter(cluster.symbols)["Si"] == 1
    assert min(heavy_degrees(cluster)) >= 2
