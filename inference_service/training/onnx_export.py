"""Write a trained member as one self-contained ONNX file, batch normalisation folded away.

The graph is spelled out node by node, so what is served is what is written here.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from inference_service.detector.heads import INPUT_NAME, OUTPUT_NAME, STRIDE_PX, Channel
from inference_service.training.plan import (
    BATCH_NORM_EPSILON,
    COARSE,
    FINE,
    LAYERS,
    MERGE,
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
    result["head.bias"][Channel.SPECIES_X] -= np.float32(np.log(UNKNOWN_OVER_SILICON))
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
        The ONNX file: input ``image`` (1, 1, H, W), output ``heads`` (1, K, H/4, W/4), float32.
    """
    tensors = [numpy_helper.from_array(v, name) for name, v in sorted(folded(weights).items())]
    tensors.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice"))
    # SpaceToDepth orders channels by (row, column) of the block, as pixel_unshuffle does for
    # a single input channel.
    fine, coarse, merged = (f"{group[-1].name}.out" for group in (FINE, COARSE, MERGE))
    nodes = [
        helper.make_node("SpaceToDepth", [INPUT_NAME], ["cells"], blocksize=STRIDE_PX),
        *_stack("cells", FINE),
        helper.make_node("MaxPool", [fine], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        *_stack("pooled", COARSE),
        helper.make_node("Resize", [coarse, "", "twice"], ["upsampled"], **_NEAREST),
        helper.make_node("Concat", [fine, "upsampled"], ["merged"], axis=1),
        *_stack("merged", MERGE),
        helper.make_node("Conv", [merged, "head.weight", "head.bias"], [OUTPUT_NAME]),
    ]
    declare = helper.make_tensor_value_info
    source = declare(INPUT_NAME, TensorProto.FLOAT, [1, 1, "H", "W"])
    result = declare(OUTPUT_NAME, TensorProto.FLOAT, [1, len(Channel), "h", "w"])
    graph = helper.make_graph(nodes, "atomloop-detector", [source], [result], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = _IR_VERSION
    model.producer_name = "atomloop"
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


_NEAREST = {
    "mode": "nearest",
    "coordinate_transformation_mode": "asymmetric",
    "nearest_mode": "floor",
}


def _stack(source: str, layers: tuple[LayerPlan, ...]) -> list[onnx.NodeProto]:
    """Chain convolution and ReLU of the layers."""
    nodes = []
    for layer in layers:
        name, reach = layer.name, layer.dilation
        inputs = [source, f"{name}.weight", f"{name}.bias"]
        source = f"{name}.out"
        convolution = helper.make_node(
            "Conv", inputs, [f"{name}.raw"], pads=[reach] * 4, dilations=[reach] * 2
        )
        nodes += [convolution, helper.make_node("Relu", [f"{name}.raw"], [source])]
    return nodes
