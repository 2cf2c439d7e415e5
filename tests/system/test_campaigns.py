"""Short forms of the campaigns; `python -m tests.campaigns` plays the long ones."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.campaigns.__main__ import SEED, bad
from tests.campaigns.kills import VICTIMS, kill_rounds
from tests.campaigns.submissions import WRITES_PER_SUBMISSION, submission_rounds

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


def test_kills_of_any_process_lose_nothing_and_count_nothing_twice() -> None:
    with TemporaryDirectory(prefix="kill-", dir="/tmp") as folder:
        outcomes = kill_rounds(Path(folder), list(range(len(VICTIMS))), SEED)
    assert [outcome for outcome in outcomes if bad(outcome)] == []
    assert {outcome["killed"] for outcome in outcomes} == set(VICTIMS)


def test_a_submission_whose_answers_are_lost_is_one_job() -> None:
    with TemporaryDirectory(prefix="lost-", dir="/tmp") as folder:
        outcomes = submission_rounds(Path(folder), list(range(WRITES_PER_SUBMISSION)), SEED)
    assert [outcome for outcome in outcomes if bad(outcome)] == []
    assert all(outcome["answers_lost"] for outcome in outcomes)
