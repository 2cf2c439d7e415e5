"""Run the members of an ensemble; ONNX Runtime is the engine of the base install.

Members run one after another: weights and activations stay in the cache, and a grouped graph
measured slower. Waiting threads sleep instead of spinning and no memory arena is kept, because
twenty sessions would each hold both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from inference_service.detector.heads import INPUT_NAME, OUTPUT_NAME, Channel
from inference_service.detector.model import Model
from shared.errors import ModelError

__all__ = ["Engine", "OnnxEngine"]

Heads = NDArray[np.float32]
"""(channels, rows / 4, columns / 4)."""


class Engine(Protocol):
    """Whatever can run an ensemble on one normalised image."""

    @property
    def members(self) -> int:
        """Number of independent members."""
        ...

    def run(self, image: NDArray[np.float32]) -> Iterator[Heads]:
        """Yield each member's heads for a (rows, columns) image, sides multiples of 8."""
        ...


class OnnxEngine:
    """ONNX Runtime on the CPU.

    Args:
        model: A verified ensemble.
        threads: Threads within one operator.

    Raises:
        ModelError: A member is not a graph of the agreed inputs and outputs.
    """

    def __init__(self, model: Model, threads: int) -> None:
        self.sessions = [open_session(member, threads) for member in model.members]

    @property
    def members(self) -> int:
        """Number of independent members."""
        return len(self.sessions)

    def run(self, image: NDArray[np.float32]) -> Iterator[Heads]:
        """Yield each member's heads, in the manifest's order."""
        feed = {INPUT_NAME: np.ascontiguousarray(image[None, None], dtype=np.float32)}
        for session in self.sessions:
            (heads,) = session.run([OUTPUT_NAME], feed)
            yield heads[0]


def open_session(member: bytes, threads: int) -> ort.InferenceSession:
    """Open a session from bytes, never from a path, and check its interface."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(member, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises untyped C++ exceptions
        raise ModelError(
            f"ONNX Runtime refuses a member: {str(error).splitlines()[0]}",
            remedy="Export the member again with the version of opset this runtime supports.",
        ) from error
    inputs = [one.name for one in session.get_inputs()]
    outputs = {one.name: one.shape for one in session.get_outputs()}
    if inputs != [INPUT_NAME] or outputs.get(OUTPUT_NAME, [0, 0])[1] != len(Channel):
        raise ModelError(
            f"A member has inputs {inputs} and outputs {outputs}, not {INPUT_NAME} and "
            f"{OUTPUT_NAME} of {len(Channel)} channels.",
            remedy="Train it with inference-service train.",
        )
    return session
