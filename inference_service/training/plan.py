"""The layers of the network, without the library that trains it.

The whole body works on cells of 4 x 4 canonical pixels (0.83 Å): everything a 60 kV probe can
carry fits into 16 numbers per cell, and no layer spends time on an oversampled grid. Residual
blocks of dilated convolutions look 13 Å around a cell. The head says four vectors per cell, one
for each quarter, so the maps have cells of 0.42 Å.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "BATCH_NORM_EPSILON",
    "BLOCKS",
    "BODY_STRIDE_PX",
    "HEAD_SPLIT",
    "LAYERS",
    "NECK",
    "STEM",
    "UNKNOWN_OVER_SILICON",
    "LayerPlan",
]

BATCH_NORM_EPSILON: Final = 1e-5
UNKNOWN_OVER_SILICON: Final = 1.5
"""Weight of an unknown element in the loss, relative to silicon; undone on export."""
BODY_STRIDE_PX: Final = 4
"""Edge of a cell of the body, canonical px."""
HEAD_SPLIT: Final = 2
"""The head splits a cell of the body into this many rows and columns."""


@dataclass(frozen=True)
class LayerPlan:
    """A 3 x 3 convolution and batch normalisation.

    Attributes:
        name: prefix of its tensors.
        dilation: spacing of the kernel's taps; wider taps see more of the lattice.
        image: whether it reads the unshuffled image instead of ``width`` channels.
    """

    name: str
    dilation: int = 1
    image: bool = False

    def inputs(self, width: int) -> int:
        """Return the number of channels it reads."""
        return BODY_STRIDE_PX**2 if self.image else width


STEM: Final = LayerPlan("stem", image=True)
"""Reads the image; followed by ReLU."""
BLOCKS: Final = (
    (LayerPlan("block1.a"), LayerPlan("block1.b", 2)),
    (LayerPlan("block2.a", 4), LayerPlan("block2.b", 2)),
    (LayerPlan("block3.a", 4), LayerPlan("block3.b")),
)
"""Residual blocks (He et al. 2016, arXiv:1512.03385): layer, ReLU, layer, plus input, ReLU."""
NECK: Final = LayerPlan("neck")
"""Before the head; followed by ReLU."""
LAYERS: Final = (STEM, *(layer for block in BLOCKS for layer in block), NECK)
"""Every convolution in order; a 1 x 1 convolution named ``head`` follows."""
