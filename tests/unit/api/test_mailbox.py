"""What waits for a viewer: the newest frame within its credit, every changed entry once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_service.live.mailbox import Mailbox
from inference_service.records import Change


def test_only_the_newest_frame_waits() -> None:
    box = Mailbox(window=1)
    for name in ("a", "b", "c"):
        box.offer_frame(name)
    assert box.take_frame() == "c"
    assert box.take_frame() is None
    assert box.statistics.skipped == 2


def test_a_viewer_without_credit_gets_nothing_until_it_has_painted() -> None:
    box = Mailbox(window=2)
    for name in ("a", "b"):
        box.offer_frame(name)
        assert box.take_frame() == name
    box.offer_frame("c")
    assert box.take_frame() is None
    box.painted(1)
    assert box.take_frame() == "c"


@pytest.mark.parametrize("total", [2, -1])
def test_a_viewer_cannot_have_painted_what_it_was_not_sent(total) -> None:
    box = Mailbox(window=2)
    box.offer_frame("a")
    box.take_frame()
    with pytest.raises(ValueError, match="painted"):
        box.painted(total)


def test_a_painted_count_does_not_go_back() -> None:
    box = Mailbox(window=2)
    for name in ("a", "b"):
        box.offer_frame(name)
        box.take_frame()
    box.painted(2)
    with pytest.raises(ValueError, match="painted"):
        box.painted(1)


def test_many_changes_of_one_entry_are_one() -> None:
    box = Mailbox(window=1)
    for revision in range(5):
        box.offer_change(Change(revision, "roi", "roi-1"))
    box.offer_change(Change(9, "job", "roi-1"))
    assert box.take_changes() == [("roi", "roi-1"), ("job", "roi-1")]
    assert box.take_changes() == []


@given(st.integers(1, 4), st.lists(st.sampled_from(["offer", "take", "paint"]), max_size=60))
def test_credit_is_never_exceeded_and_no_frame_goes_missing(window, actions) -> None:
    box, latest = Mailbox(window), -1
    for step, action in enumerate(actions):
        before = box.statistics
        if action == "offer":
            box.offer_frame(step)
            latest = step
        elif action == "take":
            taken = box.take_frame()
            assert taken is None or taken == latest
        elif before.painted < before.sent:
            box.painted(before.painted + 1)
        now = box.statistics
        assert 0 <= now.sent - now.painted <= window
        assert now.offered - now.sent - now.skipped in {0, 1}
