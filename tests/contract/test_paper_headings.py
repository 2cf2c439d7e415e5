"""A short preset never poses as the paper's: every heading says how long its calculations were."""

from __future__ import annotations

import re

import pytest

from sim_dispatcher.paper import PRESETS, Findings, cut_patch, make_tables, shipped_analysis
from sim_dispatcher.paper.published import LENGTH_FS
from sim_dispatcher.paper.tables import TABLES, Table


def tables(preset: str) -> tuple[Table, ...]:
    patch = cut_patch(shipped_analysis(), carbon_atoms=24)
    return make_tables(Findings(PRESETS[preset], "gfn1", patch, {}, {}), tuple(TABLES))


@pytest.mark.parametrize("preset", PRESETS)
def test_every_heading_names_its_preset_level_and_how_far_it_went(preset: str) -> None:
    for table in tables(preset):
        assert f"{preset} preset" in table.heading
        assert "gfn1" in table.heading
        assert re.search(r"\d+ (fs|ps)|[\d.e-]+ eV/Å", table.heading), table.heading


def test_the_short_presets_trajectories_say_that_they_are_not_the_papers() -> None:
    short = PRESETS["short"]
    headings = {table.name: table.heading for table in tables("short")}
    assert short.anneal_fs < LENGTH_FS
    assert f"{short.anneal_fs:g} fs (not the paper's 2 ps)" in headings["rings"]
    assert f"{short.adatom_fs:g} fs (not the paper's 2 ps)" in headings["cr"]
    assert "no trajectory" in headings["chx"]
    assert not any("as in the paper)" in heading for heading in headings.values())


def test_the_paper_presets_trajectories_have_the_papers_length() -> None:
    headings = {table.name: table.heading for table in tables("paper")}
    for name in ("rings", "cr", "chx"):
        assert "2 ps (as in the paper)" in headings[name]
