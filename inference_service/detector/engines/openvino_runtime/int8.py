"""Eight-bit members: fake quantisation around the inner convolutions, ranges measured here.

The first convolution, which sees the image, and the last, which states positions, stay in bf16:
quantising them is what costs accuracy. Weights are quantised symmetrically for each output
channel, activations by one range for each convolution (Jacob et al. 2018,
DOI 10.1109/CVPR.2018.00286). OpenVINO turns the fake quantisation into integer arithmetic when
it compiles the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Final

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as ops

from inference_service.detector.model import Model

__all__ = ["Ranges", "measure_ranges", "quantise"]

Ranges = Sequence[Sequence[float]]
"""For each member, the lowest and highest input of each inner convolution, in turn."""

_CONVOLUTION: Final = "Convolution"
_HEADROOM: Final = 1.25
"""Room above the measured range, for frames brighter than those measured on."""
_LEVELS: Final = 256
_SYMMETRIC_LEVELS: Final = 255


def measure_ranges(model: Model, images: Sequence[NDArray[np.float32]]) -> Ranges:
    """Measure the activation ranges of every member in fp32.

    Args:
        model: A verified ensemble.
        images: (rows, columns) normalised images that show everything bright or dark.
    """
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    return [
        list(_member_ranges(core, core.read_model(BytesIO(member)), settings, images))
        for member in model.members
    ]


def _member_ranges(
    core: openvino.Core,
    graph: openvino.Model,
    settings: dict[str, object],
    images: Sequence[NDArray[np.float32]],
) -> Iterator[float]:
    wanted = [node.input(0).get_source_output() for node in _inner_convolutions(graph)]
    first = len(graph.outputs)
    graph.add_outputs(wanted)
    request = core.compile_model(graph, "CPU", settings).create_infer_request()
    looks = [request.infer(np.ascontiguousarray(image[None, None])) for image in images]
    for number in range(first, first + len(wanted)):
        low = min(float(look[number].min()) for look in looks)
        high = max(float(look[number].max()) for look in looks)
        yield _HEADROOM * min(0.0, low)
        yield _HEADROOM * max(1e-6, high)


def quantise(graph: openvino.Model, ranges: Sequence[float]) -> None:
    """Put fake quantisation before the inner convolutions of a member, in place."""
    inner = _inner_convolutions(graph)
    for node, low, high in zip(inner, ranges[::2], ranges[1::2], strict=True):
        _quantise_input(node, 0, np.full((1, 1, 1, 1), low), np.full((1, 1, 1, 1), high), _LEVELS)
        weights = node.input(1).get_source_output().get_node().data
        most = np.maximum(np.abs(weights).max(axis=(1, 2, 3), keepdims=True), 1e-12)
        _quantise_input(node, 1, -most, most, _SYMMETRIC_LEVELS)


def _quantise_input(
    node: openvino.Node,
    which: int,
    low: NDArray[np.floating],
    high: NDArray[np.floating],
    levels: int,
) -> None:
    source = node.input(which).get_source_output()
    ends = [ops.constant(np.asarray(end, dtype=np.float32)) for end in (low, high)]
    quantised = ops.fake_quantize(source, *ends, *ends, levels)
    node.input(which).replace_source_output(quantised.output(0))


def _inner_convolutions(graph: openvino.Model) -> list[openvino.Node]:
    """List the convolutions that neither see the image itself nor write the heads themselves."""
    found = []
    after_image: dict[str, bool] = {}
    for node in graph.get_ordered_ops():
        name, kind = node.get_friendly_name(), node.get_type_name()
        sources = [one.get_source_output().get_node() for one in node.inputs()]
        near = kind == "Parameter" or any(after_image[s.get_friendly_name()] for s in sources)
        after_image[name] = near and kind != _CONVOLUTION
        if kind == _CONVOLUTION and not near and not _writes_heads(node):
            found.append(node)
    return found


def _writes_heads(node: openvino.Node) -> bool:
    """Tell whether a node's result reaches an output of the model without a convolution."""
    for output in node.outputs():
        for target in output.get_target_inputs():
            reader = target.get_node()
            if reader.get_type_name() == "Result":
                return True
            if reader.get_type_name() != _CONVOLUTION and _writes_heads(reader):
                return True
    return False
