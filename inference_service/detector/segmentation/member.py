"""Run one member that paints classes, on the CPU with ONNX Runtime.

Such networks are a hundred times heavier than ours, so the threads work inside one operator and
the members follow one another: their activations would not fit in memory side by side.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.model import Model
from inference_service.detector.segmentation.description import IMAGE, PROBABILITY, Segmentation
from shared.errors import ModelError

if TYPE_CHECKING:
    import onnxruntime as ort

__all__ = ["open_members", "paint", "scaled"]

FloatMap = NDArray[np.float32]


def open_members(
    model: Model, description: Segmentation, threads: int
) -> list[ort.InferenceSession]:
    """Open a session per member, from verified bytes, and check what it offers.

    Args:
        model: A verified ensemble.
        description: What its manifest says of it.
        threads: Threads within one operator.

    Raises:
        ModelError: A member is not a graph of the agreed input and output.
    """
    runtime = import_module("onnxruntime")  # not loaded where another engine serves
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return [opened(member, description, options) for member in model.members]


def opened(
    member: bytes, description: Segmentation, options: ort.SessionOptions
) -> ort.InferenceSession:
    """Open one session and check its interface."""
    try:
        runtime = import_module("onnxruntime")
        session = runtime.InferenceSession(member, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises untyped C++ exceptions
        raise ModelError(
            f"ONNX Runtime refuses a member: {str(error).splitlines()[0]}",
            remedy="Import the model again with this version of AtomLoop.",
        ) from error
    inputs = [one.name for one in session.get_inputs()]
    outputs = {one.name: one.shape for one in session.get_outputs()}
    if inputs != [IMAGE] or outputs.get(PROBABILITY, [0, 0])[1] != description.channels:
        raise ModelError(
            f"A member has inputs {inputs} and outputs {outputs}, not {IMAGE} and {PROBABILITY} "
            f"of {description.channels} channels.",
            remedy="Import the model again: inference-service import-atomai.",
        )
    return session


def scaled(image: FloatMap) -> FloatMap:
    """Scale a frame to 0..1 between its least and its largest pixel, as AtomAI does."""
    low, high = np.float32(image.min()), np.float32(image.max())
    return np.asarray((image - low) / max(high - low, np.float32(1e-30)), dtype=np.float32)


def paint(session: ort.InferenceSession, image: FloatMap) -> FloatMap:
    """Return (channels, rows, columns) probabilities of a scaled (rows, columns) image."""
    (maps,) = session.run([PROBABILITY], {IMAGE: np.ascontiguousarray(image[None, None])})
    return np.asarray(maps[0], dtype=np.float32)
