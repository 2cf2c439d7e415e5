"""Worker threads that share the members of an ensemble out among them.

Two workers of one thread each measured faster than two threads inside one operator: nothing
waits at the end of every operator, and each worker sums its own members while its cache is warm.
A member always falls to the same worker, so the order of summation, hence every bit of the
result, does not depend on which worker is faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.heads import STRIDE_PX
from inference_service.detector.member_sums import Sum, accumulate

__all__ = ["Crew", "Heads", "RunShare"]

Heads = NDArray[np.float32]
"""(channels, rows / stride, columns / stride)."""
RunShare = Callable[[int, NDArray[np.float32]], Iterable[Heads]]
"""Runs the members of that worker's share on a (1, 1, rows, columns) image, in the calling thread,
one after another."""

Made = TypeVar("Made")


class Crew:
    """A few threads over the members.

    Args:
        members: How many members there are.
        threads: How many workers at most; never more than members.
    """

    def __init__(self, members: int, threads: int) -> None:
        self.members = members
        workers = max(1, min(threads, members))
        self.shares = tuple(range(first, members, workers) for first in range(workers))
        """The numbers of each worker's members."""
        self._executor = ThreadPoolExecutor(workers, "member")
        self._busy = tuple(Lock() for _ in self.shares)

    def sums(self, run: RunShare, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run every member on a (rows, columns) image and sum what they say.

        Frames may overlap: a share looks at one after the other.
        """
        batch = np.ascontiguousarray(image[None, None], dtype=np.float32)
        shape = (len(Sum), image.shape[0] // STRIDE_PX, image.shape[1] // STRIDE_PX)

        def summed(worker: int) -> NDArray[np.float32]:
            sums = np.zeros(shape, dtype=np.float32)
            with self._busy[worker]:
                for heads in run(worker, batch):
                    accumulate(heads, sums)
            return sums

        return reduce(np.add, self._executor.map(summed, range(len(self.shares))))

    def equip(self, make: Callable[[range], Made]) -> list[Made]:
        """Return what `make` returns for each worker's members, made side by side."""
        return list(self._executor.map(make, self.shares))

    def close(self) -> None:
        """End the workers."""
        self._executor.shutdown()
