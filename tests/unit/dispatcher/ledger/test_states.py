"""The table of a job's life."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import LocalProtocolError
from shared.messages.simulation import JobState
from sim_dispatcher.ledger import FINAL, JobEvent
from sim_dispatcher.ledger.states import TRANSITIONS, advance, sources


def test_no_event_leaves_a_final_state() -> None:
    assert not FINAL & {state for state, _ in TRANSITIONS}


def test_every_state_is_reached_and_every_open_one_can_be_cancelled() -> None:
    states = set(get_args(JobState))
    assert states - {"reserved"} == set(TRANSITIONS.values())
    assert set(sources(JobEvent.CANCELLED)) == states - FINAL


def test_an_event_leads_to_the_same_state_from_wherever_it_is_legal() -> None:
    for event in JobEvent:
        assert len({advance(state, event) for state in sources(event)}) == 1


@given(events=st.lists(st.sampled_from(JobEvent), max_size=30))
def test_any_history_ends_at_most_once(events: list[JobEvent]) -> None:
    state: JobState = "reserved"
    ends = 0
    for event in events:
        if (state, event) not in TRANSITIONS:
            with pytest.raises(LocalProtocolError, match=f"is {state} cannot be"):
                advance(state, event)
            continue
        state = advance(state, event)
        ends += state in FINAL
    assert ends <= 1
