"""Worker threads that share the members of an ensemble out among them.

Two workers of one thread each measured faster than two threads inside one operator: nothing
waits at the end of every operator, and each worker sums its own members while its cache is warm.
A member always falls to the same worker, so the order of summation, hence every bit of the
result, does not depend on which worker is faster.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.heads import STRIDE_PX
from inference_service.detector.member_sums import Sum, accumulate

__all__ = ["Crew", "Heads", "RunMember"]

Heads = NDArray[np.float32]
"""(channels, rows / stride, columns / stride)."""
RunMember = Callable[[int, NDArray[np.float32]], Heads]
"""Runs the member of that number on a (1, 1, rows, columns) image, in the calling thread."""

Made = TypeVar("Made")


class Crew:
    """A few threads over the members.

    Args:
        members: How many members there are.
        threads: How many workers at most; never more than members.
    """

    def __init__(self, members: int, threads: int) -> None:
        self.members = members
        self.workers = max(1, min(threads, members))
        self._executor = ThreadPoolExecutor(self.workers, "member")

    def sums(self, run: RunMember, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run every member on a (rows, columns) image and sum what they say."""
        batch = np.ascontiguousarray(image[None, None], dtype=np.float32)
        shape = (len(Sum), image.shape[0] // STRIDE_PX, image.shape[1] // STRIDE_PX)

        def share(first: int) -> NDArray[np.float32]:
            sums = np.zeros(shape, dtype=np.float32)
            for member in range(first, self.members, self.workers):
                accumulate(run(member, batch), sums)
            return sums

        return reduce(np.add, self._executor.map(share, range(self.workers)))

    def map(self, make: Callable[[int], Made]) -> list[Made]:
        """Return what `make` returns for each member, made side by side."""
        return list(self._executor.map(make, range(self.members)))

    def close(self) -> None:
        """End the workers."""
        self._executor.shutdown()
