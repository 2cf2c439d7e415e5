"""ONNX Runtime on the CPU: the engine of the base install, and the measure of all others.

Each member has a session of one thread; the crew runs as many side by side as there are threads.
All sessions of the process share one memory arena, because an arena each, or none, measured two
to ten times the memory for no speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from inference_service.detector.engines.crew import Crew, Heads
from inference_service.detector.engines.engine import Variant
from inference_service.detector.heads import INPUT_NAME, OUTPUT_NAME, Channel
from inference_service.detector.model import Model
from shared.errors import ModelError

__all__ = ["OnnxEngine", "variants"]


class OnnxEngine:
    """ONNX Runtime on the CPU.

    Args:
        model: A verified ensemble.
        threads: Members that run at the same time, each on one thread.

    Raises:
        ModelError: A member is not a graph of the agreed inputs and outputs.
    """

    def __init__(self, model: Model, threads: int) -> None:
        share_one_arena()
        self._sessions = [open_session(member) for member in model.members]
        self._crew = Crew(len(self._sessions), threads)

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
        for member in self._crew.shares[worker]:
            (heads,) = self._sessions[member].run([OUTPUT_NAME], {INPUT_NAME: batch})
            yield heads[0]


def variants() -> tuple[Variant, ...]:
    """List what ONNX Runtime serves: fp32, the measure of all others."""
    return (Variant("onnx-fp32", lambda model, threads, _: OnnxEngine(model, threads)),)


@cache
def share_one_arena() -> None:
    """Give the process's sessions one arena that grows by what is asked for, once."""
    where = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    growth = ort.OrtArenaCfg({"arena_extend_strategy": 1, "initial_chunk_size_bytes": 2**20})
    ort.create_and_register_allocator(where, growth)


def open_session(member: bytes) -> ort.InferenceSession:
    """Open a session from bytes, never from a path, and check its interface."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    options.add_session_config_entry("session.use_env_allocators", "1")
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
