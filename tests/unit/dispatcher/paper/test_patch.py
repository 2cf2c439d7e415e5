"""The patch that everything starts from."""

from __future__ import annotations

import pytest

from shared.errors import StructureError
from sim_dispatcher.paper import Patch, Seen, cut_patch
from sim_dispatcher.structure.box import PAPER_EDGE_A
from sim_dispatcher.structure.census import ring_census


def test_the_papers_patch_has_91_carbon_atoms_in_the_papers_cube(seen: Seen) -> None:
    cluster = cut_patch(seen).cluster
    assert cluster.symbols.count("C") == 91
    assert set(cluster.symbols) == {"C", "H"}
    assert cluster.cell_A == (PAPER_EDGE_A,) * 3
    census = ring_census(cluster.symbols, cluster.positions_A)
    assert (census["5"], census["7"]) == (2, 2)


def test_another_size_is_met_too(patch: Patch) -> None:
    assert patch.cluster.symbols.count("C") == 24
    assert patch.radius_A < 5
    assert "C24H12" in patch.note


def test_a_place_off_the_sheet_is_refused_with_the_way_to_name_another(seen: Seen) -> None:
    with pytest.raises(StructureError, match="No patch can be cut") as refusal:
        cut_patch(seen, (400.0, 400.0))
    assert "--near" in refusal.value.remedy


def test_a_place_that_is_named_beats_the_defect(seen: Seen) -> None:
    x, y = 9.0, 9.0
    patch = cut_patch(seen, (x, y), carbon_atoms=24)
    assert abs(patch.centre_A[0] - x) <= 1.5
    assert ring_census(patch.cluster.symbols, patch.cluster.positions_A).keys() == {"6"}
