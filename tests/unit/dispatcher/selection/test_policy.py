"""The policy: every factor is in the reason, every refusal has one, the operator stands above."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messages import Defect, DefectType
from sim_dispatcher.selection import (
    FIRST,
    Limits,
    Pick,
    Prospect,
    Refuse,
    Rules,
    Sharpness,
    Sighting,
    Stale,
    Track,
    Usage,
    View,
    Wait,
    exhausted,
    judge,
    look_closer,
    wants_patch,
)

RULES, LIMITS, NOTHING = Rules(), Limits(rois=3, jobs=9, cpu_h=2.0), Usage()


def seen(kind: DefectType = "Si_C3", p: float = 0.95, **more: Any) -> Sighting:
    fields: dict[str, Any] = {
        "defect": Defect(type=kind, x_px=100, y_px=200, p=p), "frame": "0" * 64, "frame_index": 5,
        "session": "s", "model": "f" * 64, "local_A": (10.0, 20.0), "sample_A": (10.0, 20.0),
        "view": View(0.1, 90.0, 4e5), "element": "Si",
    }  # fmt: skip
    return Sighting(**{**fields, **more})


def prospect(sighting: Sighting | None = None, track: Any = None, **more: Any) -> Prospect:
    return Prospect(track or Track("key", sighting or seen()), **more)


def verdict(known: Prospect, limits: Limits = LIMITS, usage: Usage = NOTHING) -> Any:
    return judge(known, RULES, limits, usage)


def test_a_pick_names_every_factor_and_their_product() -> None:
    pick = verdict(
        prospect(age_frames=4, alike=1.0, likest="Si_C3-1", similarity=1.0, bareness=0.2)
    )
    assert isinstance(pick, Pick)
    assert pick.priority == pytest.approx(0.95 * 0.8 / 2 * 0.5)
    assert pick.reason == (
        "p 0.95 x novelty 0.40 (1.0 like it before, most Si_C3-1 at 1.00, 0.20 like bare sheet)"
        " x age 0.50 x wish 1 = 0.190"
    )


@given(
    p=st.floats(0.8, 1), alike=st.floats(0, 40), bareness=st.floats(0, 1), age=st.integers(0, 12)
)
def test_more_certain_newer_and_stranger_is_never_less_urgent(
    p: float, alike: float, bareness: float, age: int
) -> None:
    base = verdict(prospect(seen(p=p), alike=alike, bareness=bareness, age_frames=age))
    assert isinstance(base, Pick)
    for better in (
        prospect(seen(p=1.0), alike=alike, bareness=bareness, age_frames=age),
        prospect(seen(p=p), alike=0.0, bareness=bareness, age_frames=age),
        prospect(seen(p=p), alike=alike, bareness=0.0, age_frames=age),
        prospect(seen(p=p), alike=alike, bareness=bareness, age_frames=0),
    ):
        assert verdict(better).priority >= base.priority
    wanted = verdict(prospect(seen(p=p), alike=alike, wish="first"))
    assert 0 <= base.priority <= 1 < FIRST <= wanted.priority


@pytest.mark.parametrize(
    ("known", "kind", "words"),
    [
        (prospect(wish="never"), Refuse, "dismissed by the operator"),
        (prospect(track=Track("key", seen(), successor="new")), Stale, "changed it into new"),
        (prospect(age_frames=13), Stale, "in view, but not seen since frame 5"),
        (prospect(age_frames=13, in_view=False), Stale, "out of view since frame 5"),
        (prospect(at_hand=False, in_view=False), Stale, "out of view since frame 5"),
        (prospect(seen("GB")), Refuse, "periodic cell"),
        (prospect(seen("edge")), Refuse, "ribbon"),
        (prospect(seen("hole")), Refuse, "larger cut"),
        (prospect(seen("adatom", element="Cr")), Refuse, "order `adsorb`"),
        (prospect(seen("adatom", element="X")), Refuse, "unknown element"),
        (prospect(seen("unknown")), Refuse, "look closer: the structure fits no class"),
        (prospect(seen(doubt="no lattice")), Refuse, "out of distribution (no lattice)"),
        (prospect(seen(p=0.6)), Refuse, "p = 0.60, computed from 0.80"),
        (prospect(seen(blur_A=0.5)), Refuse, "known to 0.50 Å"),
        (prospect(seen(p=0.3)), Wait, "p = 0.30, below the threshold"),
        (prospect(paused=True), Wait, "paused by the operator"),
    ],
)
def test_whatever_is_not_computed_has_a_reason(known: Prospect, kind: type, words: str) -> None:
    given = verdict(known)
    assert isinstance(given, kind)
    assert words in given.reason


@pytest.mark.parametrize("kind", ["unknown", "GB", "Si_C3", "adatom"])
@given(p=st.floats(0, 1), rois=st.integers(0, 9), age=st.integers(0, 99), paused=st.booleans())
def test_what_the_operator_wants_first_is_picked_whatever_else_speaks_against_it(
    kind: DefectType, p: float, rois: int, age: int, paused: bool
) -> None:
    known = prospect(seen(kind, p), wish="first", age_frames=age, paused=paused)
    given = verdict(known, usage=Usage(rois=rois))
    assert isinstance(given, Pick)
    assert given.priority >= FIRST


def test_what_the_operator_wants_waits_for_a_frame_to_cut_it_from() -> None:
    given = verdict(prospect(wish="first", at_hand=False))
    assert isinstance(given, Wait)
    assert "frame 5 is forgotten" in given.reason


def test_a_defect_must_be_seen_as_often_as_the_operator_asks() -> None:
    rules = dataclasses.replace(RULES, min_frames=2)
    once, twice = (prospect(track=Track("key", seen(), times)) for times in (1, 2))
    assert isinstance(judge(once, rules, LIMITS, NOTHING), Wait)
    assert isinstance(judge(twice, rules, LIMITS, NOTHING), Pick)


def test_a_random_patch_is_picked_though_it_is_no_defect_and_weighs_less_than_one() -> None:
    patch = verdict(prospect(track=Track("random", seen("unknown", 0.9), origin="random")))
    assert isinstance(patch, Pick)
    assert patch.reason.startswith("random patch 0.50")
    assert patch.priority < verdict(prospect()).priority


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        (Usage(rois=3), "budget of 3 ROIs is used up"),
        (Usage(jobs=9), "budget of 9 jobs is used up"),
        (Usage(cpu_s=7200), "budget of 2 CPU-hours (2.00 used, 2.00 with what runs)"),
        (Usage(cpu_s=3600, expected_cpu_s=3600), "(1.00 used, 2.00 with what runs)"),
    ],
)
def test_the_budget_ends_the_picking_and_says_which(usage: Usage, words: str) -> None:
    given = verdict(prospect(), usage=usage)
    assert isinstance(given, Refuse)
    assert words in given.reason
    assert "raise budget." in given.reason


def test_jobs_of_old_rois_do_not_need_room_for_a_new_one() -> None:
    assert exhausted(LIMITS, Usage(rois=3), rois=False) is None
    assert exhausted(LIMITS, Usage(jobs=9), rois=False) is not None


@given(share=st.floats(0, 1), defects=st.integers(0, 60))
def test_random_patches_keep_to_their_share(share: float, defects: int) -> None:
    limits, randoms = Limits(random_share=share), 0
    while wants_patch(limits, Usage(rois=defects + randoms, randoms=randoms), 0):
        randoms += 1
    assert abs(randoms - share * defects) <= 0.5
    assert not wants_patch(limits, Usage(rois=defects, randoms=0), randoms)


@pytest.mark.parametrize(
    ("sighting", "factor"),
    [
        (seen("unknown"), 4),
        (seen(blur_A=0.5), 4),
        (seen(blur_A=10.0), 16),
        (seen(p=0.45), 16),
        (seen(p=0.7), 2.7),
        (seen(p=0.79), 1.5),
    ],
)
def test_the_advice_is_a_dose_and_the_field_of_view_that_gives_it(
    sighting: Sighting, factor: float
) -> None:
    advice = look_closer(Track("key", sighting), Sharpness())
    assert advice is not None
    assert f"take about {factor:g} times the dose (4e+05 to " in advice
    narrow = int(advice.split("a field of view of ")[1].split(" Å instead of 90 Å")[0])
    assert (90 / narrow) ** 2 == pytest.approx(factor, rel=0.1)


def test_no_dose_is_named_where_none_is_known() -> None:
    advice = look_closer(Track("key", seen("unknown", view=View(0.1, 90.0))), Sharpness())
    assert advice is not None
    assert "e/Å²" not in advice


def test_what_was_seen_well_needs_no_closer_look() -> None:
    assert look_closer(Track("key", seen(blur_A=0.05)), Sharpness()) is None


def test_doubtful_atoms_near_a_defect_lower_its_priority_where_that_is_configured() -> None:
    known = prospect(seen(certainty=0.5))
    plain = judge(known, RULES, LIMITS, NOTHING)
    weighed = judge(known, dataclasses.replace(RULES, weigh_doubts=True), LIMITS, NOTHING)
    assert isinstance(plain, Pick)
    assert isinstance(weighed, Pick)
    assert weighed.priority == pytest.approx(plain.priority / 2)
    assert "certainty of the atoms near 0.50" in weighed.reason
