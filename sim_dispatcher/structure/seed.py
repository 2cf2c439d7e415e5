"""Out-of-plane start: a flat sheet is a saddle point that no optimiser leaves.

Silicon is lifted because it buckles out of graphene (doi:10.1103/PhysRevLett.109.206803 discusses
the non-planar Si-C3), all of a cluster to the same side; every atom gets N(0, 0.02 Å), drawn from
the structure itself so that the same structure always starts the same way.

The height decides where a measured silicon dimer ends. From 0.3 Å and 0.05 Å of noise the force
field throws one atom through the sheet, and GFN1 then makes a four-fold silicon with another one
beneath it, 0.9 eV lower; GFN2 makes neither of the two but a dimer with one atom on either side.
From 1.0 Å both atoms stay where they were seen at GFN2, and at GFN1 from exact positions or in cuts
of 7 Å; from noisy positions in a cut of 8.99 Å GFN1 still turns it over (docs/error-bars.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

__all__ = ["BUCKLING_A", "NOISE_A", "seed_heights"]

Array: TypeAlias = NDArray[np.float64]

BUCKLING_A: Final = {"Si": 1.0}
"""Height given to an element that does not stay in the plane, Å.

GFN1 steps to 0.05 eV/Å from positions with 0.05 Å of noise, 0.3 / 1.0 / 1.5 Å: three-fold silicon
15 / 10 / 24, dimer 56 / 4 / -, trimer 22 / 17 / -, tetramer 103 / 61 / -, four-fold 11 / 11 / -.
"""

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
