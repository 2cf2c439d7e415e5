"""What every engine offers: the members' summed answers for one normalised image."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Engine"]


class Engine(Protocol):
    """Whatever can run an ensemble on one normalised image."""

    @property
    def name(self) -> str:
        """Runtime and arithmetic, as a person would say it: ``ONNX Runtime fp32``."""
        ...

    @property
    def members(self) -> int:
        """Number of independent members."""
        ...

    def sums(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run every member and sum what they say.

        Args:
            image: (rows, columns), sides multiples of ``INPUT_MULTIPLE_PX``.

        Returns:
            (len(Sum), rows / stride, columns / stride), as `member_sums` defines them; the same
            image gives the same bits.
        """
        ...

    def close(self) -> None:
        """End the engine's threads and give its memory back."""
        ...
