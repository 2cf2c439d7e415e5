"""The layers of the network, without the library that trains it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BATCH_NORM_EPSILON", "LAYERS", "LayerPlan"]

BATCH_NORM_EPSILON = 1e-5


@dataclass(frozen=True)
class LayerPlan:
    """A 3 x 3 convolution, batch normalisation and ReLU.

    Attributes:
        name: prefix of its tensors.
        inputs: channels in, in units of the width; 0 means the unshuffled image.
        outputs: channels out, in units of the width.
    """

    name: str
    inputs: int
    outputs: int


LAYERS: tuple[LayerPlan, ...] = (
    LayerPlan("fine1", 0, 1),
    LayerPlan("fine2", 1, 1),
    LayerPlan("fine3", 1, 1),
    LayerPlan("coarse1", 1, 2),
    LayerPlan("coarse2", 2, 2),
    LayerPlan("coarse3", 2, 2),
    LayerPlan("merge1", 3, 1),
    LayerPlan("merge2", 1, 1),
)
"""The convolutions in order; a 1 x 1 convolution named ``head`` follows."""
