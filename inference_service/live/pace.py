"""How often a viewer may speak up: a bucket of tokens that fills with time."""

from __future__ import annotations

__all__ = ["Pace"]


class Pace:
    """Grants so many acts at once, and so many a second after that.

    Args:
        burst: Acts granted at once.
        per_s: Acts granted per second in the long run.
        now_s: Monotonic clock, s.
    """

    def __init__(self, burst: int, per_s: float, now_s: float) -> None:
        self._burst = burst
        self._per_s = per_s
        self._tokens = float(burst)
        self._at_s = now_s

    def grant(self, now_s: float) -> bool:
        """Tell whether one more act is within the pace, and count it if so.

        Args:
            now_s: Monotonic clock, s.
        """
        self._tokens = min(self._burst, self._tokens + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
