"""What every engine offers: the members' summed answers for one normalised image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.model import Model

__all__ = ["Engine", "Preparation", "Variant", "nothing_to_prepare"]

Image = NDArray[np.float32]
Preparation = Sequence[Sequence[float]]
"""Numbers that opening an engine needs and that are costly to find, one row for each member."""


class Engine(Protocol):
    """Whatever can run an ensemble on one normalised image."""

    @property
    def members(self) -> int:
        """Number of independent members."""
        ...

    def sums(self, image: Image) -> NDArray[np.float32]:
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


def nothing_to_prepare(model: Model, images: Sequence[Image]) -> Preparation:
    """Prepare nothing, as most engines do."""
    del model, images
    return ()


@dataclass(frozen=True)
class Variant:
    """One way to run an ensemble: a runtime, a device and an arithmetic."""

    key: str
    """Such as ``openvino-int8``; stable, because verdicts are stored under it."""
    open: Callable[[Model, int, Preparation], Engine]
    """Opens a model with that many threads."""
    prepare: Callable[[Model, Sequence[Image]], Preparation] = nothing_to_prepare
    """Measures on normalised images what `open` needs."""
