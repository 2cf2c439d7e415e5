"""A long run says how long it will take."""

import pytest

from inference_service.training.progress import Pace, duration
from shared.clock import SystemClock


class Ticking(SystemClock):
    """A clock that is moved by hand."""

    now_s = 0.0

    def monotonic_s(self) -> float:
        return self.now_s


def test_the_rest_is_told_from_the_pace_so_far() -> None:
    clock = Ticking()
    pace = Pace(600, clock)
    assert "not yet known" in pace.remaining()
    clock.now_s = 30.0
    pace.advance(100)
    assert pace.remaining() == "about 2 min left"


@pytest.mark.parametrize(("seconds", "words"), [(4.4, "4 s"), (95, "1 min"), (4900, "1 h 21 min")])
def test_durations_are_written_in_sensible_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words
