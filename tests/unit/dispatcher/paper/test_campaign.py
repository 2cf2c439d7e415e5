"""A coronene-sized programme, computed with the real engines, stopped and taken up again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shared.errors import ConfigurationError, SimulationError, UnreadableFileError
from sim_dispatcher.levels import choose_level
from sim_dispatcher.paper import (
    Campaign,
    Case,
    Label,
    Patch,
    Preset,
    Setting,
    Standing,
    Store,
    cases,
    chosen_topics,
)
from sim_dispatcher.paper.programme import DETECTED
from sim_dispatcher.recipes import UnfinishedError, run_recipe

LABEL = Label(preset="tiny", level="gfn1", analysis="a", patch="b", note="")


def words(patch: Patch, store: Store, rows: tuple[Case, ...]) -> list[tuple[str, str]]:
    said: list[Standing] = []
    Campaign(patch.cluster, store, Setting(choose_level("gfn1")), said.append).run(rows)
    return [(one.case.name, one.what) for one in said if one.what != "runs"]


def test_finished_cases_are_kept_and_not_computed_again(
    patch: Patch, tiny: Preset, tmp_path: Path
) -> None:
    rows = cases(tiny, chosen_topics("rings"))
    store = Store(tmp_path / "out", LABEL)
    assert words(patch, store, rows) == [("relax", "done"), ("md-0300K", "done")]
    again = Store(tmp_path / "out", LABEL)
    assert {what for _, what in words(patch, again, rows)} == {"kept"}
    found = again.find(rows[1])
    assert found is not None
    assert found.result.report is not None
    assert found.cluster.symbols == patch.cluster.symbols


def test_a_stop_keeps_what_is_finished_and_says_that_it_stopped(
    patch: Patch, tiny: Preset, tmp_path: Path
) -> None:
    rows = cases(tiny, chosen_topics("bonds"))
    store = Store(tmp_path / "out", LABEL)
    setting = Setting(choose_level("gfn1"))

    def after_the_first(standing: Standing) -> None:
        if standing.what == "done":
            setting.stop.set()

    with pytest.raises(UnfinishedError):
        Campaign(patch.cluster, store, setting, after_the_first).run(rows)
    assert [row.name for row in rows if store.find(row)] == ["relax"]


def test_a_case_that_fails_is_told_and_tried_again_next_time(
    patch: Patch, tiny: Preset, tmp_path: Path
) -> None:
    good = cases(tiny, chosen_topics("errors"))[0]
    bad = Case(
        "adsorb-Xy",
        ("cr",),
        "adsorb",
        DETECTED,
        good.options.model_copy(update={"adsorbate": "Xy"}),
    )
    child = replace(bad, name="md-Xy", recipe="md", start="adsorb-Xy")
    store = Store(tmp_path / "out", LABEL)
    assert words(patch, store, (bad, child)) == [
        ("adsorb-Xy", "failed"),
        ("md-Xy", "failed"),
    ]
    assert words(patch, store, (bad,)) == [("adsorb-Xy", "failed")]
    failure = store.failure(bad)
    assert failure is not None
    assert "Xy" in failure.message
    assert store.find(bad) is None


def test_a_folder_refuses_another_programme(tmp_path: Path) -> None:
    Store(tmp_path / "out", LABEL)
    for change in ({"preset": "paper"}, {"level": "gfn2"}, {"patch": "c"}):
        with pytest.raises(ConfigurationError, match=next(iter(change))) as refusal:
            Store(tmp_path / "out", LABEL.model_copy(update=change))
        assert "--folder" in refusal.value.remedy


def test_a_damaged_result_is_named_instead_of_believed(tiny: Preset, tmp_path: Path) -> None:
    case = cases(tiny, chosen_topics("errors"))[0]
    store = Store(tmp_path / "out", LABEL)
    store.write("relax.json", "{")
    with pytest.raises(UnreadableFileError, match=r"relax\.json"):
        store.find(case)


def test_a_failure_is_forgotten_once_the_case_succeeds(tmp_path: Path, tiny: Preset) -> None:
    case = cases(tiny, chosen_topics("errors"))[0]
    store = Store(tmp_path / "out", LABEL)
    store.fail(case, SimulationError("It broke.", remedy="Mend it."))
    assert store.failure(case) is not None


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used"):
        Store(tmp_path / "no" / "such", LABEL)


def test_a_result_that_fell_into_pieces_can_still_be_read(
    patch: Patch, tiny: Preset, tmp_path: Path
) -> None:
    case = cases(tiny, chosen_topics("errors"))[0]
    store = Store(tmp_path / "out", LABEL)
    result = run_recipe(patch.cluster, "single_point", choose_level("gfnff"))
    parted = patch.cluster.positions_A.copy()
    parted[-1] += 4.0
    store.keep(case, replace(result, cluster=patch.cluster.moved(parted)))
    found = store.find(case)
    assert found is not None
    assert found.cluster.roles == patch.cluster.roles
    assert found.cluster.positions_A[-1] == pytest.approx(parted[-1])
