"""The layers of the network, without the library that trains it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BATCH_NORM_EPSILON",
    "COARSE",
    "FINE",
    "LAYERS",
    "MERGE",
    "UNKNOWN_OVER_SILICON",
    "LayerPlan",
]

BATCH_NORM_EPSILON = 1e-5
UNKNOWN_OVER_SILICON = 1.5
"""Weight of an unknown element in the loss, relative to silicon; undone on export."""


@dataclass(frozen=True)
class LayerPlan:
    """A 3 x 3 convolution, batch normalisation and ReLU.

    Attributes:
        name: prefix of its tensors.
        inputs: channels in, in units of the width; 0 means the unshuffled image.
        outputs: channels out, in units of the width.
        dilation: spacing of the kernel's taps; wider taps see more of the lattice.
    """

    name: str
    inputs: int
    outputs: int
    dilation: int = 1


FINE: tuple[LayerPlan, ...] = (
    LayerPlan("fine1", 0, 1),
    LayerPlan("fine2", 1, 1),
    LayerPlan("fine3", 1, 1),
)
"""At stride 4."""
COARSE: tuple[LayerPlan, ...] = (
    LayerPlan("coarse1", 1, 2),
    LayerPlan("coarse2", 2, 2, 2),
    LayerPlan("coarse3", 2, 2, 4),
    LayerPlan("coarse4", 2, 2, 2),
    LayerPlan("coarse5", 2, 2, 4),
    LayerPlan("coarse6", 2, 2),
)
"""At stride 8, after the pool; dilated, so that 14 Å around a cell take part in what it says."""
MERGE: tuple[LayerPlan, ...] = (
    LayerPlan("merge1", 3, 1),
    LayerPlan("merge2", 1, 1),
)
"""At stride 4 again, on both."""
LAYERS: tuple[LayerPlan, ...] = (*FINE, *COARSE, *MERGE)
"""The convolutions in order; a 1 x 1 convolution named ``head`` follows."""
