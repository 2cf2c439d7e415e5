"""The stride-4 detector as plain functions of named tensors.

pixel-unshuffle by 4, three convolutions, pool, six dilated and wider ones, upsample and
concatenate, two more, one 1 x 1 head. Each convolution is followed by batch normalisation and
ReLU. Written without module classes so that the same names go into checkpoints and into the
exported graph.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from inference_service.detector.heads import STRIDE_PX, Channel
from inference_service.training.plan import (
    BATCH_NORM_EPSILON,
    COARSE,
    FINE,
    LAYERS,
    MERGE,
    LayerPlan,
)

__all__ = ["forward", "new_parameters", "new_statistics"]

_BATCH_NORM_MOMENTUM = 0.02


Tensors = dict[str, Tensor]


def new_parameters(width: int, generator: torch.Generator) -> Tensors:
    """Draw initial weights (He et al. 2015, DOI 10.1109/ICCV.2015.123).

    Args:
        width: channels at stride 4.
        generator: source of chance.

    Returns:
        Trainable tensors by name.
    """
    found: Tensors = {}
    for layer in LAYERS:
        inputs = layer.inputs * width or STRIDE_PX**2
        shape = (layer.outputs * width, inputs, 3, 3)
        weight = torch.randn(shape, generator=generator) * (2.0 / (9 * inputs)) ** 0.5
        found[f"{layer.name}.weight"] = weight.contiguous(memory_format=torch.channels_last)
        found[f"{layer.name}.scale"] = torch.ones(shape[0])
        found[f"{layer.name}.shift"] = torch.zeros(shape[0])
    head = torch.randn((len(Channel), width, 1, 1), generator=generator) * 0.02
    found["head.weight"] = head
    bias = torch.zeros(len(Channel))
    bias[Channel.OBJECTNESS] = -2.0
    bias[Channel.CONTAMINATION] = bias[Channel.VACUUM] = -2.0
    found["head.bias"] = bias
    return {name: tensor.requires_grad_() for name, tensor in found.items()}


def new_statistics(width: int) -> Tensors:
    """Return the running means and variances of batch normalisation at the start."""
    found: Tensors = {}
    for layer in LAYERS:
        found[f"{layer.name}.mean"] = torch.zeros(layer.outputs * width)
        found[f"{layer.name}.variance"] = torch.ones(layer.outputs * width)
    return found


def forward(parameters: Tensors, statistics: Tensors, images: Tensor, *, training: bool) -> Tensor:
    """Run the network.

    Args:
        parameters: trainable tensors; not changed.
        statistics: batch-norm statistics; updated in place while training.
        images: (n, 1, H, W) normalised images, H and W multiples of 8.
        training: normalise by the batch (and update) or by the running statistics.

    Returns:
        (n, len(Channel), H/4, W/4) float32 heads.
    """

    def layer(values: Tensor, plan: LayerPlan) -> Tensor:
        name, reach = plan.name, plan.dilation
        values = functional.conv2d(values, parameters[f"{name}.weight"], None, 1, reach, reach)
        values = functional.batch_norm(
            values,
            statistics[f"{name}.mean"],
            statistics[f"{name}.variance"],
            parameters[f"{name}.scale"],
            parameters[f"{name}.shift"],
            training,
            _BATCH_NORM_MOMENTUM,
            BATCH_NORM_EPSILON,
        )
        return functional.relu(values)

    values = functional.pixel_unshuffle(images, STRIDE_PX)
    fine = values.contiguous(memory_format=torch.channels_last)
    for plan in FINE:
        fine = layer(fine, plan)
    coarse = functional.max_pool2d(fine, 2)
    for plan in COARSE:
        coarse = layer(coarse, plan)
    merged = torch.cat([fine, functional.interpolate(coarse, scale_factor=2.0)], 1)
    for plan in MERGE:
        merged = layer(merged, plan)
    return functional.conv2d(merged, parameters["head.weight"], parameters["head.bias"])
