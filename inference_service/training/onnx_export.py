"""Write a trained member as one self-contained ONNX file, batch normalisation folded away.

The graph is spelled out node by node, so what is served is what is written here.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from inference_service.detector.heads import INPUT_NAME, OUTPUT_NAME, Channel
from inference_service.training.plan import (
    BATCH_NORM_EPSILON,
    BLOCKS,
    BODY_STRIDE_PX,
    HEAD_SPLIT,
    LAYERS,
    NECK,
    STEM,
    UNKNOWN_OVER_SILICON,
    LayerPlan,
)

__all__ = ["folded", "member_bytes"]

_OPSET = 17
_IR_VERSION = 9
Weights = dict[str, NDArray[np.float32]]


def folded(weights: Weights) -> Weights:
    """Fold batch normalisation into the convolutions.

    Args:
        weights: parameters and running statistics by name.

    Returns:
        ``<layer>.weight`` and ``<layer>.bias`` of every convolution, the head included; the logit
        of unknown elements lowered by what the loss favours them over silicon.
    """
    result = {name: weights[name].astype(np.float32) for name in ("head.weight", "head.bias")}
    of_channel = result["head.bias"].reshape(len(Channel), -1)
    of_channel[Channel.SPECIES_X] -= np.float32(np.log(UNKNOWN_OVER_SILICON))
    for layer in LAYERS:
        spread = np.sqrt(weights[f"{layer.name}.variance"].astype(np.float64) + BATCH_NORM_EPSILON)
        gain = weights[f"{layer.name}.scale"] / spread
        kernel = weights[f"{layer.name}.weight"] * gain[:, None, None, None]
        bias = weights[f"{layer.name}.shift"] - weights[f"{layer.name}.mean"] * gain
        result[f"{layer.name}.weight"] = kernel.astype(np.float32)
        result[f"{layer.name}.bias"] = bias.astype(np.float32)
    return result


def member_bytes(weights: Weights) -> bytes:
    """Serialise a member.

    Args:
        weights: parameters and running statistics by name.

    Returns:
        The ONNX file: input ``image`` (1, 1, H, W), output ``heads`` (1, K, H/2, W/2), float32.
    """
    tensors = [numpy_helper.from_array(v, name) for name, v in sorted(folded(weights).items())]
    # SpaceToDepth orders channels by (row, column) of the block, as pixel_unshuffle does for
    # a single input channel; DepthToSpace in its CRD mode is pixel_shuffle.
    nodes = [
        helper.make_node("SpaceToDepth", [INPUT_NAME], ["cells"], blocksize=BODY_STRIDE_PX),
        *_layer("cells", STEM),
        _relu(STEM.name),
    ]
    source = f"{STEM.name}.out"
    for first, second in BLOCKS:
        nodes += [*_layer(source, first), _relu(first.name)]
        nodes += _layer(f"{first.name}.out", second)
        nodes.append(
            helper.make_node("Add", [f"{second.name}.raw", source], [f"{second.name}.sum"])
        )
        source = f"{second.name}.out"
        nodes.append(helper.make_node("Relu", [f"{second.name}.sum"], [source]))
    nodes += [*_layer(source, NECK), _relu(NECK.name)]
    head = [f"{NECK.name}.out", "head.weight", "head.bias"]
    nodes.append(helper.make_node("Conv", head, ["head.raw"]))
    nodes.append(
        helper.make_node(
            "DepthToSpace", ["head.raw"], [OUTPUT_NAME], blocksize=HEAD_SPLIT, mode="CRD"
        )
    )
    declare = helper.make_tensor_value_info
    given = declare(INPUT_NAME, TensorProto.FLOAT, [1, 1, "H", "W"])
    result = declare(OUTPUT_NAME, TensorProto.FLOAT, [1, len(Channel), "h", "w"])
    graph = helper.make_graph(nodes, "atomloop-detector", [given], [result], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = _IR_VERSION
    model.producer_name = "atomloop"
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _layer(source: str, layer: LayerPlan) -> list[onnx.NodeProto]:
    """Return the convolution of a layer, batch normalisation folded in, as a list of one."""
    inputs = [source, f"{layer.name}.weight", f"{layer.name}.bias"]
    reach = [layer.dilation] * 2
    node = helper.make_node("Conv", inputs, [f"{layer.name}.raw"], pads=reach * 2, dilations=reach)
    return [node]


def _relu(name: str) -> onnx.NodeProto:
    """Return the ReLU behind a layer."""
    return helper.make_node("Relu", [f"{name}.raw"], [f"{name}.out"])
