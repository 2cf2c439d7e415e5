"""Compile an inner loop: cached on disk, without the GIL, and typed for its callers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

__all__ = ["compiled"]

Loop = TypeVar("Loop", bound=Callable[..., object])


def compiled(loop: Loop) -> Loop:
    """Return the loop compiled by numba; its first call in a process loads or compiles it."""
    return cast("Loop", njit(cache=True, nogil=True, fastmath=True)(loop))
