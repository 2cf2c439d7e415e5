"""The slow creep of a stage: smooth, never far, the same for the same time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["StageDrift"]

_PERIODS_S: Final = (2400.0, 3300.0)
"""Of the (row, column) motion; about 0.03 Å/s for an amplitude of 12 Å."""


@dataclass(frozen=True, slots=True)
class StageDrift:
    """A sample that wanders along a Lissajous figure.

    Attributes:
        amplitude_A: Farthest excursion along each axis, Å.
        start_s: Instant of zero offset, s.
    """

    amplitude_A: float
    start_s: float = 0.0

    def offset_A(self, now_s: float) -> tuple[float, float]:
        """Return how far the sample has moved, (row, column), Å."""
        row, column = (self._phase(now_s, period) for period in _PERIODS_S)
        return self.amplitude_A * math.sin(row), self.amplitude_A * math.sin(column)

    def velocity_A_s(self, now_s: float) -> tuple[float, float]:
        """Return how fast it moves, (row, column), Å/s."""
        row, column = (
            self.amplitude_A * 2 * math.pi / period * math.cos(self._phase(now_s, period))
            for period in _PERIODS_S
        )
        return row, column

    def _phase(self, now_s: float, period_s: float) -> float:
        return 2 * math.pi * (now_s - self.start_s) / period_s
