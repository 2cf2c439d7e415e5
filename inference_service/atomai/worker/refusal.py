"""A request that cannot be met, said in words that reach the operator."""

from __future__ import annotations

__all__ = ["RefusedError"]


class RefusedError(Exception):
    """What is wrong with a model or with labelled frames, and what to do about it.

    Args:
        message: What is wrong, naming the culprit.
        remedy: What the reader can do about it, in the imperative.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
