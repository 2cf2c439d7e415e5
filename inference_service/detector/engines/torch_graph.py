"""All members as one graph of PyTorch: their weights stacked, their channels side by side.

Members of one ensemble have the same layers, so member m's channels follow member m-1's and
every convolution becomes one grouped convolution with a group for each member. The first one,
which sees the same image for all, is an ordinary convolution with all members' kernels. On a
graphics card this makes few large kernels of many small ones; on a processor it does not pay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inference_service.detector.engines.onnx_graph import Array, Graph, Node
from inference_service.detector.heads import INPUT_NAME, OUTPUT_NAME
from shared.errors import ModelError

__all__ = ["StackedMembers"]

Operation: TypeAlias = Callable[["StackedMembers", Node, Sequence[Tensor]], Tensor]


class StackedMembers:
    """An ensemble as one function from an image to all members' heads.

    Args:
        graphs: One for each member, alike but for the constants.
        device: Where to compute.
        dtype: Arithmetic of the convolutions.

    Raises:
        ModelError: Members differ in structure, or use an operation that is not known here.
    """

    def __init__(self, graphs: Sequence[Graph], device: torch.device, dtype: torch.dtype) -> None:
        first = graphs[0]
        if any(graph.nodes != first.nodes for graph in graphs):
            raise unsupported("members of different structure")
        for node in first.nodes:
            if node.kind not in OPERATIONS:
                raise unsupported(f"the operation {node.kind}")
        read = {name for node in first.nodes for name in node.inputs}
        made = {name for node in first.nodes for name in node.outputs} | {INPUT_NAME}
        if (
            INPUT_NAME not in read
            or OUTPUT_NAME not in made
            or read - made - {*first.constants, ""}
        ):
            raise unsupported(f"a graph that does not lead from {INPUT_NAME} to {OUTPUT_NAME}")
        self.members = len(graphs)
        self._nodes = first.nodes
        weights = _weights(first.nodes)
        self._constants = {
            name: _stacked([graph.constants[name] for graph in graphs]).to(device, dtype)
            if name in weights
            else torch.from_numpy(np.array(constant))
            for name, constant in first.constants.items()
        }

    def __call__(self, image: Tensor) -> Tensor:
        """Return (members, channels, rows / stride, columns / stride) float32 heads.

        Args:
            image: (1, 1, rows, columns) on the device, of the arithmetic's type.
        """
        values = dict(self._constants)
        values[INPUT_NAME] = image
        for node in self._nodes:
            inputs = [values[name] if name else torch.empty(0) for name in node.inputs]
            values[node.outputs[0]] = OPERATIONS[node.kind](self, node, inputs)
        return self.apart(values[OUTPUT_NAME]).float()

    def apart(self, value: Tensor) -> Tensor:
        """Return (members, channels, rows, columns) of (1, members * channels, rows, columns)."""
        return value.unflatten(1, (self.members, -1))[0]


def unsupported(what: str) -> ModelError:
    """Return the refusal of a graph that this engine cannot run."""
    return ModelError(
        f"The torch engine cannot run {what}.", remedy="Set detector.engine to onnx or auto."
    )


def _stacked(arrays: Sequence[Array]) -> Tensor:
    """Return the members' constants one after another along the first axis."""
    joined = torch.from_numpy(np.concatenate(arrays))
    return joined.contiguous(memory_format=torch.channels_last) if joined.ndim == 4 else joined


def _weights(nodes: Sequence[Node]) -> set[str]:
    """Names of the constants that differ between members: those of convolutions."""
    return {name for node in nodes if node.kind == "Conv" for name in node.inputs[1:] if name}


def _convolve(stack: StackedMembers, node: Node, inputs: Sequence[Tensor]) -> Tensor:
    value, weight, *bias = inputs
    if node.attributes.get("auto_pad", "NOTSET") != "NOTSET":
        raise unsupported("a convolution with automatic padding")
    (groups,) = _integers(node, "group", 1)
    if value.shape[1] != weight.shape[1] * groups:
        groups *= stack.members
    top, left, bottom, right = _integers(node, "pads", 0, 0, 0, 0)
    if (top, left) != (bottom, right):
        value = functional.pad(value, (left, right, top, bottom))
        top = left = 0
    return functional.conv2d(
        value,
        weight,
        bias[0] if bias else None,
        _integers(node, "strides", 1, 1),
        (top, left),
        _integers(node, "dilations", 1, 1),
        groups,
    )


def _pool(stack: StackedMembers, node: Node, inputs: Sequence[Tensor]) -> Tensor:
    del stack
    if any(_integers(node, "pads", 0, 0, 0, 0)) or node.attributes.get("ceil_mode", 0):
        raise unsupported("padded pooling")
    size = _integers(node, "kernel_shape", 1, 1)
    return functional.max_pool2d(inputs[0], size, _integers(node, "strides", 1, 1))


def _resize(stack: StackedMembers, node: Node, inputs: Sequence[Tensor]) -> Tensor:
    del stack
    mode = str(node.attributes.get("mode", "nearest"))
    place = str(node.attributes.get("coordinate_transformation_mode", "half_pixel"))
    rounding = str(node.attributes.get("nearest_mode", "round_prefer_floor"))
    how = {
        ("nearest", "asymmetric", "floor"): ("nearest", None),
        ("linear", "half_pixel", rounding): ("bilinear", False),
        ("linear", "align_corners", rounding): ("bilinear", True),
    }.get((mode, place, rounding))
    if how is None or len(inputs) != 3:
        raise unsupported(f"resizing by {mode}, {place}, {rounding}")
    scales = tuple(float(one) for one in inputs[2][2:])
    return functional.interpolate(inputs[0], scale_factor=scales, mode=how[0], align_corners=how[1])


def _concatenate(stack: StackedMembers, node: Node, inputs: Sequence[Tensor]) -> Tensor:
    if _integers(node, "axis", 1) != (1,):
        raise unsupported("joining along another axis than the channels")
    return torch.cat([stack.apart(one) for one in inputs], 1).flatten(0, 1)[None]


def _space_to_depth(stack: StackedMembers, node: Node, inputs: Sequence[Tensor]) -> Tensor:
    """Order of ONNX: by place in the block, then by channel."""
    (side,) = _integers(node, "blocksize", 1)
    value = inputs[0] if inputs[0].shape[1] == 1 else stack.apart(inputs[0])
    blocks = value.unflatten(3, (-1, side)).unflatten(2, (-1, side))
    return blocks.permute(0, 3, 5, 1, 2, 4).flatten(1, 3).flatten(0, 1)[None]


def _depth_to_space(stack: StackedMembers, node: Node, inputs: Sequence[Tensor]) -> Tensor:
    (side,) = _integers(node, "blocksize", 1)
    value = stack.apart(inputs[0])
    if node.attributes.get("mode", "DCR") == "CRD":
        return functional.pixel_shuffle(value, side).flatten(0, 1)[None]
    blocks = value.unflatten(1, (side, side, -1)).permute(0, 3, 4, 1, 5, 2)
    return blocks.flatten(4, 5).flatten(2, 3).flatten(0, 1)[None]


def _leak(stack: StackedMembers, node: Node, inputs: Sequence[Tensor]) -> Tensor:
    del stack
    slope = node.attributes.get("alpha", 0.01)
    return functional.leaky_relu(inputs[0], cast("float", slope))


def _integers(node: Node, name: str, *default: int) -> tuple[int, ...]:
    """Return an attribute of one or more integers."""
    value = node.attributes.get(name, default)
    return (value,) if isinstance(value, int) else cast("tuple[int, ...]", value)


OPERATIONS: Final[dict[str, Operation]] = {
    "Add": lambda _, __, inputs: inputs[0] + inputs[1],
    "Concat": _concatenate,
    "Conv": _convolve,
    "DepthToSpace": _depth_to_space,
    "Identity": lambda _, __, inputs: inputs[0],
    "LeakyRelu": _leak,
    "MaxPool": _pool,
    "Mul": lambda _, __, inputs: inputs[0] * inputs[1],
    "Relu": lambda _, __, inputs: functional.relu(inputs[0]),
    "Resize": _resize,
    "Sigmoid": lambda _, __, inputs: torch.sigmoid(inputs[0]),
    "SpaceToDepth": _space_to_depth,
}
"""What a member may do, by ONNX's name."""
