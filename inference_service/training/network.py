"""The detector's network as plain functions of named tensors.

Written without module classes so that the same names go into checkpoints and into the exported
graph; `plan` says which layers there are.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from inference_service.detector.heads import Channel
from inference_service.training.plan import (
    BATCH_NORM_EPSILON,
    BLOCKS,
    BODY_STRIDE_PX,
    HEAD_SPLIT,
    LAYERS,
    NECK,
    STEM,
    LayerPlan,
)

__all__ = ["forward", "new_parameters", "new_statistics"]

_BATCH_NORM_MOMENTUM = 0.02
_QUIET_START = 0.2
"""Scale of the last normalisation of a block at the start: blocks begin close to the identity."""

Tensors = dict[str, Tensor]


def new_parameters(width: int, generator: torch.Generator) -> Tensors:
    """Draw initial weights (He et al. 2015, DOI 10.1109/ICCV.2015.123).

    Args:
        width: channels of the body.
        generator: source of chance.

    Returns:
        Trainable tensors by name.
    """
    found: Tensors = {}
    last = {second.name for _, second in BLOCKS}
    for layer in LAYERS:
        inputs = layer.inputs(width)
        weight = torch.randn((width, inputs, 3, 3), generator=generator) * (2 / (9 * inputs)) ** 0.5
        found[f"{layer.name}.weight"] = weight.contiguous(memory_format=torch.channels_last)
        found[f"{layer.name}.scale"] = torch.full(
            (width,), _QUIET_START if layer.name in last else 1.0
        )
        found[f"{layer.name}.shift"] = torch.zeros(width)
    parts = HEAD_SPLIT**2
    found["head.weight"] = (
        torch.randn((len(Channel) * parts, width, 1, 1), generator=generator) * 0.02
    )
    bias = torch.zeros(len(Channel), parts)
    bias[[Channel.OBJECTNESS, Channel.CONTAMINATION, Channel.VACUUM]] = -2.0
    found["head.bias"] = bias.flatten()
    return {name: tensor.requires_grad_() for name, tensor in found.items()}


def new_statistics(width: int) -> Tensors:
    """Return the running means and variances of batch normalisation at the start."""
    found: Tensors = {}
    for layer in LAYERS:
        found[f"{layer.name}.mean"] = torch.zeros(width)
        found[f"{layer.name}.variance"] = torch.ones(width)
    return found


def forward(parameters: Tensors, statistics: Tensors, images: Tensor, *, training: bool) -> Tensor:
    """Run the network.

    Args:
        parameters: trainable tensors; not changed.
        statistics: batch-norm statistics; updated in place while training.
        images: (n, 1, H, W) normalised images, H and W multiples of 4.
        training: normalise by the batch (and update) or by the running statistics.

    Returns:
        (n, len(Channel), H/2, W/2) float32 heads.
    """

    def layer(values: Tensor, plan: LayerPlan) -> Tensor:
        name, reach = plan.name, plan.dilation
        values = functional.conv2d(values, parameters[f"{name}.weight"], None, 1, reach, reach)
        return functional.batch_norm(
            values,
            statistics[f"{name}.mean"],
            statistics[f"{name}.variance"],
            parameters[f"{name}.scale"],
            parameters[f"{name}.shift"],
            training,
            _BATCH_NORM_MOMENTUM,
            BATCH_NORM_EPSILON,
        )

    values = functional.pixel_unshuffle(images, BODY_STRIDE_PX)
    values = functional.relu(layer(values.contiguous(memory_format=torch.channels_last), STEM))
    for first, second in BLOCKS:
        values = functional.relu(values + layer(functional.relu(layer(values, first)), second))
    values = functional.relu(layer(values, NECK))
    heads = functional.conv2d(values, parameters["head.weight"], parameters["head.bias"])
    return functional.pixel_shuffle(heads, HEAD_SPLIT)
