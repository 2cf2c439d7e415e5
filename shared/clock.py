"""Time, injected: the one place that reads the machine's clocks.

Pure cores take instants as arguments; shells hold a `Clock`. Durations and order come from the
monotonic clock, wall time is an annotation only.
"""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """What a component may ask of time."""

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary start; never steps back."""
        ...

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch; may be stepped by an administrator."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary start; never steps back."""
        return time.monotonic()

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch."""
        return time.time_ns()
