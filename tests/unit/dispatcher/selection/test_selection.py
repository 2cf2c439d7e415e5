"""Selection: the same defect keeps its key, every refusal has a reason."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messages import Atoms, Defect, DefectType, OutOfDistribution
from sim_dispatcher.selection import (
    Pick,
    Refuse,
    Rules,
    Sighting,
    Track,
    Tracker,
    Wait,
    judge,
    sightings,
)

RULES = Rules(min_p=0.8, min_frames=1, max_rois=3)


def defect(
    kind: DefectType = "Si_C3", x_px: float = 100, y_px: float = 200, p: float = 0.95
) -> Defect:
    return Defect(type=kind, x_px=x_px, y_px=y_px, p=p)


def frame(
    defects: Sequence[Defect],
    index: int = 0,
    drift_A: tuple[float, float] = (0.0, 0.0),
    session: str = "s",
    doubt: str | None = None,
) -> list[Sighting]:
    atoms = Atoms(
        session=session,
        frame=f"{index:064x}",
        frame_index=index,
        shape=(896, 896),
        model="f" * 64,
        members=20,
        n_atoms=0,
        pixel_size_A=0.1,
        pixel_size_source="fft",
        header_pixel_size_A=0.1,
        dose_e_A2=4e5,
        contamination=0,
        ood=OutOfDistribution(
            score=2.0 if doubt else 0.1, flag=bool(doubt), reasons=(doubt,) if doubt else ()
        ),
        drift_A=drift_A,
    )
    return sightings(atoms, defects)


def test_a_sighting_is_placed_on_the_sample_with_the_drift_taken_out() -> None:
    (seen,) = frame([defect()], drift_A=(1.5, -2.0))
    assert seen.local_A == pytest.approx((10.0, 20.0))
    assert seen.sample_A == pytest.approx((8.0, 21.5))


def test_a_drifting_defect_keeps_its_key_and_gains_a_history() -> None:
    tracker = Tracker()
    (first,) = tracker.observe(frame([defect(x_px=100)]))
    (second,) = tracker.observe(frame([defect(x_px=60)], 1, drift_A=(0.0, 4.0)))
    assert second.key == first.key
    assert (first.seen, second.seen) == (1, 2)


def test_defects_farther_apart_than_a_lattice_site_are_two() -> None:
    tracker = Tracker()
    tracker.observe(frame([defect(x_px=100)]))
    (other,) = tracker.observe(frame([defect(x_px=125)], 1))
    assert other.seen == 1
    assert len(tracker.tracks) == 2


def test_two_neighbours_are_never_merged_into_one_track() -> None:
    tracker = Tracker()
    pair = [defect(x_px=100), defect(x_px=115)]
    before = tracker.observe(frame(pair))
    after = tracker.observe(frame(pair[::-1], 1))
    assert [track.key for track in after] == [track.key for track in before[::-1]]


def test_another_class_at_the_same_place_is_another_defect() -> None:
    tracker = Tracker()
    tracker.observe(frame([defect("Si_C3")]))
    (changed,) = tracker.observe(frame([defect("Si_C4")], 1))
    assert changed.seen == 1


def test_a_new_session_starts_from_nothing() -> None:
    tracker = Tracker()
    tracker.observe(frame([defect()]))
    (again,) = tracker.observe(frame([defect()], 1, session="next"))
    assert again.seen == 1
    assert len(tracker.tracks) == 1


@given(st.permutations(range(6)))
def test_the_order_of_defects_in_a_frame_does_not_matter(order: list[int]) -> None:
    spread = [defect(x_px=50 * (i + 1), y_px=30 * i) for i in range(6)]
    tracker = Tracker()
    before = tracker.observe(frame(spread))
    after = tracker.observe(frame([spread[i] for i in order], 1))
    assert [track.key for track in after] == [before[i].key for i in order]


def track(seen: Sighting, frames: int = 1) -> Track:
    return Track("key", seen, frames)


def test_a_confident_defect_is_picked_and_its_priority_explained() -> None:
    (seen,) = frame([defect(p=0.9)])
    verdict = judge(track(seen), RULES, {})
    assert verdict == Pick(0.9, "p 0.90 x novelty 1.00 (0 Si_C3 before)")


def test_the_second_of_a_class_is_less_novel() -> None:
    (seen,) = frame([defect(p=0.9)])
    verdict = judge(track(seen), RULES, {"Si_C3": 1})
    assert isinstance(verdict, Pick)
    assert verdict.priority == pytest.approx(0.45)


@pytest.mark.parametrize("kind", ["GB", "edge", "hole", "unknown", "adatom"])
def test_what_no_cluster_can_hold_is_refused_in_words(kind: DefectType) -> None:
    (seen,) = frame([defect(kind)])
    verdict = judge(track(seen), RULES, {})
    assert isinstance(verdict, Refuse)
    assert len(verdict.reason) > 20


def test_an_unsure_defect_waits_and_says_for_what() -> None:
    (seen,) = frame([defect(p=0.5)])
    assert judge(track(seen), RULES, {}) == Wait("p = 0.50, below the threshold of 0.80.")


def test_a_defect_must_be_seen_as_often_as_the_operator_wants() -> None:
    (seen,) = frame([defect()])
    rules = dataclasses.replace(RULES, min_frames=2)
    assert isinstance(judge(track(seen, 1), rules, {}), Wait)
    assert isinstance(judge(track(seen, 2), rules, {}), Pick)


def test_nothing_is_picked_from_a_frame_that_is_out_of_distribution() -> None:
    (seen,) = frame([defect()], doubt="no graphene lattice")
    verdict = judge(track(seen), RULES, {})
    assert isinstance(verdict, Wait)
    assert "no graphene lattice" in verdict.reason


def test_the_budget_ends_the_picking() -> None:
    (seen,) = frame([defect()])
    verdict = judge(track(seen), RULES, {"SW_5577": 3})
    assert isinstance(verdict, Refuse)
    assert "budget of 3" in verdict.reason
