"""The programme as a table."""

from __future__ import annotations

import pytest

from shared.errors import ConfigurationError
from sim_dispatcher.paper import PRESETS, cases, chosen_topics, find_preset
from sim_dispatcher.paper.programme import DETECTED, PRISTINE


@pytest.mark.parametrize("preset", PRESETS)
def test_every_case_starts_from_coordinates_or_from_an_earlier_case(preset: str) -> None:
    rows = cases(find_preset(preset), chosen_topics(None))
    known = {DETECTED, PRISTINE}
    for row in rows:
        assert row.start in known
        known.add(row.name)
    assert len(known) == len(rows) + 2


def test_the_paper_preset_is_two_picoseconds_at_every_temperature() -> None:
    rows = cases(find_preset("paper"), chosen_topics("rings"))
    lengths = {row.options.temperature_K: row.options.duration_fs for row in rows[1:]}
    assert lengths == dict.fromkeys((300, 500, 700, 900, 1200, 2000, 3000, 4000, 5000), 2000)
    assert {row.options.fmax_eV_A for row in rows[:1]} == {1e-3}


def test_a_table_brings_only_the_cases_it_needs() -> None:
    short = find_preset("short")
    assert [row.name for row in cases(short, chosen_topics("errors"))] == [
        "relax",
        "relax_perimeter",
    ]
    assert {row.recipe for row in cases(short, chosen_topics("bonds"))} == {
        *("relax", "relax_perimeter", "relax_z", "relax_h"),
    }
    names = [row.name for row in cases(short, chosen_topics("cr"))]
    assert names[0] == "relax-pristine"
    assert {"adsorb-Cr-hollow", "md-Cr-bridge"} < set(names)


def test_unknown_names_are_refused_with_those_that_exist() -> None:
    with pytest.raises(ConfigurationError, match="no preset called 'long'") as refusal:
        find_preset("long")
    assert "short" in refusal.value.remedy
    for only in ("bonds,angles", "", ","):
        with pytest.raises(ConfigurationError, match="names no table"):
            chosen_topics(only)
    assert chosen_topics("rings, bonds") == ("bonds", "rings")
