"""OpenVINO on the CPU: fp32, bf16, or int8 where it costs nothing (extra ``openvino``).

Each worker of the crew has one compiled model of one thread and one stream, into which its members
are joined: they run one after another in the same memory, where a model each would keep its own.
Models are compiled from the verified bytes at every start: a cache of compiled models on disk
would be code that no digest vouches for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Final, Literal

import numpy as np
import openvino
from numpy.typing import NDArray

from inference_service.detector.engines.crew import Crew, Heads
from inference_service.detector.engines.engine import Preparation, Variant, nothing_to_prepare
from inference_service.detector.engines.openvino_runtime.int8 import (
    Ranges,
    measure_ranges,
    quantise,
)
from inference_service.detector.heads import INPUT_NAME, OUTPUT_NAME, Channel
from inference_service.detector.model import Model
from shared.errors import ModelError

__all__ = ["OpenVinoEngine", "Precision", "variants"]

Precision = Literal["fp32", "bf16", "int8"]

_HINTS: Final[dict[Precision, str]] = {"fp32": "f32", "bf16": "bf16", "int8": "bf16"}
"""Arithmetic of what is not quantised."""


class OpenVinoEngine:
    """OpenVINO on the CPU.

    Args:
        model: A verified ensemble.
        threads: Members that run at the same time, each on one thread.
        precision: Arithmetic.
        ranges: For int8, each member's activation ranges from `measure_ranges`.

    Raises:
        ModelError: A member is not a graph of the agreed inputs and outputs.
    """

    def __init__(
        self, model: Model, threads: int, precision: Precision, ranges: Ranges = ()
    ) -> None:
        self._crew = Crew(len(model.members), threads)
        core = openvino.Core()
        settings = {
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
        }

        def opened(share: range) -> openvino.InferRequest:
            graphs = [read_member(core, model.members[member]) for member in share]
            if precision == "int8":
                for graph, member in zip(graphs, share, strict=True):
                    quantise(graph, ranges[member])
            return core.compile_model(joined(graphs), "CPU", settings).create_infer_request()

        self._requests = self._crew.equip(opened)

    @property
    def members(self) -> int:
        """Number of independent members."""
        return self._crew.members

    def sums(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run every member on a (rows, columns) image and sum what they say."""
        return self._crew.sums(self._run, image)

    def close(self) -> None:
        """End the workers."""
        self._crew.close()

    def _run(self, worker: int, batch: NDArray[np.float32]) -> Iterator[Heads]:
        request = self._requests[worker]
        found = request.infer([batch], share_inputs=True, share_outputs=True)
        for number in range(len(self._crew.shares[worker])):
            yield found[number][0]


def variants() -> tuple[Variant, ...]:
    """List what OpenVINO serves: fp32, bf16 and int8."""

    def variant(precision: Precision) -> Variant:
        def opened(model: Model, threads: int, ranges: Preparation) -> OpenVinoEngine:
            return OpenVinoEngine(model, threads, precision, ranges)

        prepare = measure_ranges if precision == "int8" else nothing_to_prepare
        return Variant(f"openvino-{precision}", opened, prepare)

    return tuple(variant(precision) for precision in _HINTS)


def joined(members: Sequence[openvino.Model]) -> openvino.Model:
    """Join members into one model: the same image for all, the heads of each in turn."""
    image = members[0].get_parameters()[0]
    for member in members[1:]:
        for reader in member.get_parameters()[0].output(0).get_target_inputs():
            reader.replace_source_output(image.output(0))
    results = [result for member in members for result in member.get_results()]
    return openvino.Model(results, [image], "members")


def read_member(core: openvino.Core, member: bytes) -> openvino.Model:
    """Read a member from bytes, never from a path, and check its interface."""
    try:
        graph = core.read_model(BytesIO(member))
    except RuntimeError as error:
        raise ModelError(
            f"OpenVINO refuses a member: {str(error).splitlines()[0]}",
            remedy="Set detector.engine to onnx.",
        ) from error
    inputs = [one.any_name for one in graph.inputs]
    outputs = {one.any_name: one.partial_shape for one in graph.outputs}
    heads = outputs.get(OUTPUT_NAME)
    if inputs != [INPUT_NAME] or heads is None or heads[1] != len(Channel):
        raise ModelError(
            f"A member has inputs {inputs} and outputs {outputs}, not {INPUT_NAME} and "
            f"{OUTPUT_NAME} of {len(Channel)} channels.",
            remedy="Train it with inference-service train.",
        )
    return graph
