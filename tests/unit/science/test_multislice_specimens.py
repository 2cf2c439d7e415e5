"""The validation frames' specimens: physical bonds, the coordination each defect is known by."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.spatial import cKDTree

from tests.science.multislice.crystals import BOX_A as CRYSTAL_BOX_A
from tests.science.multislice.crystals import CRYSTALS
from tests.science.multislice.families import BOX_A, FAMILIES
from tests.science.multislice.specimen import ADATOM, CONTAMINATION, SHEET, Specimen, sample

BORDER_A = 4.0
SILICON = 14
RELAXED = ("silicon", "clusters", "hole", "boundary", "adatoms")


@cache
def build(family: str, seed: int = 11) -> Specimen:
    return FAMILIES[family](np.random.default_rng(seed))


def sheet_of(specimen: Specimen) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions and elements of the sheet, and which lie away from the box's border."""
    of_sheet = specimen.roles == SHEET
    xyz = specimen.positions_A[of_sheet]
    inner = ((xyz[:, :2] > BORDER_A) & (xyz[:, :2] < BOX_A - BORDER_A)).all(axis=1)
    return xyz, specimen.numbers[of_sheet], inner


@pytest.mark.parametrize("family", RELAXED)
def test_every_atom_of_a_relaxed_sheet_has_a_bond_of_physical_length(family: str) -> None:
    xyz, _, inner = sheet_of(build(family))
    nearest = cKDTree(xyz).query(xyz, k=2)[0][inner, 1]
    assert nearest.min() > 1.28
    assert nearest.max() < 2.4


@pytest.mark.parametrize(("kind", "bonds"), [("Si_C3", 3), ("Si_C4", 4)])
def test_a_silicon_has_the_carbon_neighbours_of_its_name(kind: str, bonds: int) -> None:
    specimen = build("silicon")
    xyz, numbers, _ = sheet_of(specimen)
    for mark in (m for m in specimen.marks if m.type == kind):
        site = xyz[np.linalg.norm(xyz[:, :2] - mark.path_A[0], axis=1).argmin()]
        near = np.linalg.norm(xyz - site, axis=1) < 2.1
        assert near.sum() == bonds + 1
        assert (numbers[near] == SILICON).sum() == 1


def test_displaced_families_tell_the_displacement_of_each_atom() -> None:
    specimen = build("displaced12")
    assert specimen.displaced_A.std(axis=0) == pytest.approx([0.12, 0.12], rel=0.1)


def test_nothing_is_asked_where_contamination_or_an_adatom_hides_it() -> None:
    dirty = build("contaminated")
    assert (dirty.roles == CONTAMINATION).any()
    assert not (dirty.asked & sample(dirty.covered, dirty.positions_A[:, :2])).any()
    adatoms = build("adatoms")
    on_top = adatoms.positions_A[adatoms.roles == ADATOM, :2]
    assert len(on_top) == 6
    assert cKDTree(on_top).query(adatoms.positions_A[adatoms.asked, :2])[0].min() > 0.9


def test_a_hole_is_empty_and_its_edge_runs_around_it() -> None:
    specimen = build("hole")
    assert not sample(specimen.hole, specimen.positions_A[:, :2]).any()
    (rim,) = (m.path_A for m in specimen.marks if m.type == "hole")
    np.testing.assert_array_equal(rim[0], rim[-1])
    assert np.linalg.norm(np.diff(rim, axis=0), axis=1).max() < 6.5


def test_a_tilted_sheet_is_shorter_across_the_tilt() -> None:
    xyz, _, inner = sheet_of(build("tilted"))
    height = xyz[inner, 2]
    assert 1.5 < np.ptp(height) < 5.0


def test_a_grain_boundary_keeps_every_carbon_three_bonds() -> None:
    xyz, _, inner = sheet_of(build("boundary"))
    bonds = np.array([len(near) - 1 for near in cKDTree(xyz).query_ball_point(xyz, 1.75)])
    assert (bonds[inner] == 3).mean() > 0.99


@pytest.mark.parametrize(
    ("name", "per_A2"),
    [("other-hBN", 0.368), ("other-MoS2", 0.347), ("other-SrTiO3", 5 * 6 / 3.905**2)],
)
def test_other_materials_have_their_areal_density(name: str, per_A2: float) -> None:
    specimen = CRYSTALS[name].cut(np.random.default_rng(12))
    assert len(specimen.numbers) / CRYSTAL_BOX_A**2 == pytest.approx(per_A2, rel=0.15)
    assert not specimen.asked.any()
