"""Every failure ends: by another attempt that is different, or with a reason and a next step."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import errors
from shared.messages.simulation import Level
from sim_dispatcher.failures import (
    CONTINUING,
    MAX_ATTEMPTS,
    MAX_CONTINUATIONS,
    Adjustments,
    Ending,
    FailureKind,
    GiveUp,
    Retry,
    adjustments_after,
    attempt_after,
    classify,
    decide,
    is_lawful,
)
from sim_dispatcher.failures.ending import BATCH_STATES, ERROR_CODES, SIGNALS
from sim_dispatcher.failures.ladders import ladder_of

LEVELS: tuple[Level, ...] = get_args(Level)
WORDS = ("It went wrong.", "Mend it.")
levels = st.sampled_from(LEVELS)
kinds = st.sampled_from(FailureKind)


@given(history=st.lists(kinds, min_size=1, max_size=400), level=levels)
def test_any_history_of_failures_comes_to_one_end(history: list[FailureKind], level: Level) -> None:
    tries: dict[FailureKind, int] = {}
    seen = {Adjustments()}
    for kind in history:
        verdict = decide(kind, tries, level, WORDS)
        if isinstance(verdict, GiveUp):
            assert verdict.reason
            assert verdict.remedy
            break
        tries[kind] = tries.get(kind, 0) + 1
        assert is_lawful(tries, verdict.adjustments, level)
        assert kind in CONTINUING or verdict.adjustments not in seen
        seen.add(verdict.adjustments)
    assert attempt_after(tries) <= MAX_ATTEMPTS
    assert sum(tries.values()) <= MAX_ATTEMPTS + 2 * MAX_CONTINUATIONS


@given(history=st.lists(kinds, max_size=12), level=levels)
def test_the_settings_do_not_depend_on_the_order_of_the_failures(
    history: list[FailureKind], level: Level
) -> None:
    forward = {kind: history.count(kind) for kind in history}
    backward = {kind: history.count(kind) for kind in reversed(history)}
    assert adjustments_after(forward, level) == adjustments_after(backward, level)


@pytest.mark.parametrize("level", LEVELS)
def test_a_field_that_swings_is_calmed_further_with_every_attempt(level: Level) -> None:
    rungs = ladder_of(FailureKind.SCF, level).rungs
    settings = [adjustments_after({FailureKind.SCF: n}, level) for n in range(1, len(rungs) + 1)]
    mixings = [one.mixing for one in settings]
    assert mixings == sorted((m for m in mixings if m is not None), reverse=True)
    assert (level == "gfnff") == (not rungs)


def test_tight_binding_ends_with_another_implementation_and_dft_with_denser_k_points() -> None:
    assert adjustments_after({FailureKind.SCF: 3}, "gfn1").implementation == 1
    last = adjustments_after({FailureKind.SCF: 3}, "gpaw")
    assert (last.k_points_factor, last.implementation) == (2, 0)


def test_two_kinds_of_trouble_are_met_together() -> None:
    both = adjustments_after({FailureKind.SCF: 1, FailureKind.FORCES: 1}, "gfn1")
    assert (both.attempt, both.mixing, both.max_step_A) == (3, 0.2, 0.05)
    assert both.in_words() == (
        "electrons at 1000 K, mixing 0.2, up to 500 iterations, steps of at most 0.05 Å, "
        "0.5 of the time step"
    )


def test_going_on_after_the_time_was_up_is_the_same_attempt() -> None:
    verdict = decide(FailureKind.WALLTIME, {}, "gfn1", WORDS)
    assert isinstance(verdict, Retry)
    assert verdict.adjustments == Adjustments(attempt=1, resume=True)
    assert verdict.adjustments.in_words() == ""


def test_giving_up_says_what_went_wrong_and_how_often_it_was_tried() -> None:
    end = decide(FailureKind.MEMORY, {FailureKind.MEMORY: 1}, "gfn1", WORDS)
    assert isinstance(end, GiveUp)
    assert end.reason == "Memory ran out: It went wrong, in the last of 2 attempts."
    assert "smaller cluster" in end.remedy
    assert decide(FailureKind.INPUT, {}, "gfn1", WORDS) == GiveUp(*WORDS)


@pytest.mark.parametrize(
    ("tries", "adjustments"),
    [
        ({FailureKind.SCF: 1}, Adjustments()),
        ({}, Adjustments(electronic_temperature_K=9000.0)),
        ({FailureKind.SCF: 9}, adjustments_after({FailureKind.SCF: 9}, "gfn1")),
        ({FailureKind.INPUT: 1}, Adjustments(attempt=2)),
        ({FailureKind.SCF: -1}, Adjustments()),
        ({FailureKind.SCF: 3, FailureKind.CRASHED: 2, FailureKind.FORCES: 2}, None),
    ],
)
def test_a_history_that_the_policy_does_not_lead_to_is_not_lawful(
    tries: dict[FailureKind, int], adjustments: Adjustments | None
) -> None:
    adjustments = adjustments or adjustments_after(tries, "gfn1")
    assert not is_lawful(tries, adjustments, "gfn1")


def test_every_kind_can_be_told_from_some_ending() -> None:
    told = {*BATCH_STATES.values(), *ERROR_CODES.values(), *SIGNALS.values(), FailureKind.OTHER}
    assert told == set(FailureKind)


def test_every_error_of_a_calculation_has_a_kind() -> None:
    for name in errors.__all__:
        error = getattr(errors, name)
        if issubclass(error, errors.SimulationError) and error is not errors.SimulationError:
            assert error.code in ERROR_CODES


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        (Ending(code="scf-not-converged"), FailureKind.SCF),
        (Ending(code="something new"), FailureKind.OTHER),
        (Ending(exit_code=-11), FailureKind.CRASHED),
        (Ending(exit_code=-9), FailureKind.MEMORY),
        (Ending(exit_code=3), FailureKind.CRASHED),
        (Ending(code="scf-not-converged", exit_code=-9, batch_state="TIMEOUT"),
         FailureKind.WALLTIME),
        (Ending(exit_code=-9, batch_state="PREEMPTED"), FailureKind.INTERRUPTED),
        (Ending(exit_code=-9, batch_state="RUNNING"), FailureKind.MEMORY),
        (Ending(), FailureKind.OTHER),
    ],
)  # fmt: skip
def test_the_most_telling_sign_decides(ending: Ending, kind: FailureKind) -> None:
    assert classify(ending) is kind
