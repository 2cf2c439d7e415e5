"""How far a training run is, and how long it will take at the pace it has shown."""

from __future__ import annotations

from dataclasses import dataclass

from shared.clock import Clock

__all__ = ["Pace", "duration"]

_MINUTE_S, _HOUR_S = 60, 3600


@dataclass
class Pace:
    """Counts the steps of a run.

    Attributes:
        total: steps to take, those found in checkpoints left out.
        clock: what the pace is measured by.
    """

    total: int
    clock: Clock

    def __post_init__(self) -> None:
        self._started_s = self.clock.monotonic_s()
        self._taken = 0

    def advance(self, steps: int) -> None:
        """Count steps taken now."""
        self._taken += steps

    def remaining(self) -> str:
        """Say how long the rest takes, in words; nothing is promised before the first step."""
        if self._taken == 0:
            return "time left not yet known"
        per_step = (self.clock.monotonic_s() - self._started_s) / self._taken
        return f"about {duration(per_step * (self.total - self._taken))} left"


def duration(seconds: float) -> str:
    """Write a duration as its largest sensible units, such as ``1 h 20 min``."""
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
