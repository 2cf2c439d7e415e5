"""Out-of-plane start: a flat sheet is a saddle point that no optimiser leaves.

Silicon is lifted by 0.3 Å because it buckles out of graphene (doi:10.1103/PhysRevLett.109.206803
discusses the non-planar Si-C3); every atom gets N(0, 0.02 Å), drawn from the structure itself so
that the same structure always starts the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

__all__ = ["BUCKLING_A", "NOISE_A", "seed_heights"]

Array: TypeAlias = NDArray[np.float64]

BUCKLING_A: Final = {"Si": 0.3}
"""Height given to an element that does not stay in the plane, Å."""

NOISE_A: Final = 0.02
"""Standard deviation of the height of every atom, Å."""


def seed_heights(symbols: Sequence[str], positions_A: Array) -> Array:
    """Return (n,) start heights, Å; the same for the same structure.

    Args:
        symbols: Element of each atom.
        positions_A: (n, 2) x, y in Å; a hundredth of an Å is enough to change the draw.
    """
    text = ",".join(symbols).encode() + np.round(positions_A, 2).astype("<f8").tobytes()
    seed = int.from_bytes(blake3(text).digest(length=8), "little")
    noise = np.random.default_rng(seed).normal(0.0, NOISE_A, len(symbols))
    return noise + [BUCKLING_A.get(symbol, 0.0) for symbol in symbols]
