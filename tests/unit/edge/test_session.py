from __future__ import annotations

import itertools
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.preprocess import PreparedFrame, prepare
from edge_agent.session import TRANSITIONS, Cause, Session, SessionState
from edge_agent.sources.base import RawFrame
from shared.errors import LocalProtocolError
from shared.messages import Acquisition, Calibration


def prepared(value: int) -> PreparedFrame:
    return prepare(
        RawFrame(
            np.full((2, 2), value, dtype=np.uint16),
            Calibration(pixel_size_A=None, source="none"),
            Acquisition(instrument="test", started_at_ns=1, ended_at_ns=2, origin=str(value)),
        )
    )


def test_table_names_every_state_and_only_states() -> None:
    states = set(get_args(SessionState))
    assert {state for state, _ in TRANSITIONS} | set(TRANSITIONS.values()) == states


@pytest.mark.parametrize(("state", "cause"), list(itertools.product(get_args(SessionState), Cause)))
def test_session_follows_the_table_and_refuses_everything_else(
    state: SessionState, cause: Cause
) -> None:
    session = Session("s", "source")
    session.state = state
    if (state, cause) in TRANSITIONS:
        session.follow(cause)
        assert session.state == TRANSITIONS[state, cause]
    else:
        with pytest.raises(LocalProtocolError, match=cause.name):
            session.follow(cause)
        assert session.state == state


def test_finished_and_failed_are_final() -> None:
    assert not [cause for state, cause in TRANSITIONS if state in ("finished", "failed")]


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["accept", "skip", "refuse"]), max_size=30))
def test_every_offered_frame_is_accounted_for(steps: list[str]) -> None:
    session = Session("s", "source")
    indices = []
    for number, step in enumerate(steps):
        if step == "accept":
            indices.append(session.accept(prepared(number)).index)
        elif step == "skip":
            session.skip()
        else:
            session.refuse("unreadable")
    status = session.status(unacknowledged=0)
    assert indices == list(range(steps.count("accept")))
    assert status.offered == len(steps)
    assert (status.accepted, status.skipped, status.refused) == tuple(
        steps.count(step) for step in ("accept", "skip", "refuse")
    )


def test_accepted_frames_form_a_chain_that_skips_do_not_break() -> None:
    session = Session("s", "source")
    first = session.accept(prepared(1))
    session.skip(3)
    second = session.accept(prepared(2))
    assert first.previous is None
    assert second.previous == first.name
    assert second.index == 1


def test_a_rejection_by_the_service_is_not_offered_twice() -> None:
    session = Session("s", "source")
    session.accept(prepared(1))
    session.reject("no lattice")
    status = session.status(unacknowledged=1)
    assert (status.offered, status.accepted, status.refused) == (1, 1, 1)
    assert status.last_error == "no lattice"


def test_a_failure_says_why_and_a_pause_what_it_waits_for() -> None:
    session = Session("s", "source")
    session.follow(Cause.STARTED)
    session.follow(Cause.HELD)
    assert "waiting" in (session.status(8).detail or "")
    session.fail("the scan controller stopped")
    status = session.status(8)
    assert (status.state, status.last_error) == ("failed", "the scan controller stopped")


def test_overlong_texts_are_cut_to_what_the_message_allows() -> None:
    session = Session("s", "x" * 900)
    session.refuse("y" * 900)
    assert len(session.status(0).source) == 500
