"""The demo's own failures: a reason and a remedy."""

from __future__ import annotations

__all__ = ["DemoError"]


class DemoError(Exception):
    """The demo cannot start or go on.

    Args:
        message: What is wrong.
        remedy: What to do about it, in the imperative.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy
