"""PyTorch on a graphics card: all members at once, in half precision (extra ``gpu``).

The heads never leave the card: they are summed there, and one (12, rows / stride,
columns / stride) map comes back. Frames of one shape replay a recorded CUDA graph, so that the
processor starts one thing for each frame instead of a few dozen.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference_service.detector.engines.engine import Preparation, Variant
from inference_service.detector.engines.onnx_graph import read_graph
from inference_service.detector.engines.torch_graph import StackedMembers
from inference_service.detector.heads import Channel
from inference_service.detector.member_sums import SILENT_LOGIT, Sum
from inference_service.detector.model import Model

__all__ = ["TorchEngine", "summed", "variants"]

SHAPES: Final = 4
"""Recorded graphs kept: each holds its own activations."""
WARM_UPS: Final = 3
"""Runs before recording, in which cuDNN chooses its kernels."""


class TorchEngine:
    """All members at once on one device.

    Args:
        model: A verified ensemble.
        device: ``cuda``, or ``cpu`` to test the same arithmetic without a card.
        dtype: Of the convolutions; sums are always float32.

    Raises:
        ModelError: Members differ in structure, or use an operation that is not known here.
    """

    def __init__(self, model: Model, device: str, dtype: torch.dtype) -> None:
        self._device, self._dtype = torch.device(device), dtype
        graphs = [read_graph(member) for member in model.members]
        self._stack = StackedMembers(graphs, self._device, dtype)
        self._recorded: OrderedDict[tuple[int, ...], Callable[[Tensor], Tensor]] = OrderedDict()

    @property
    def members(self) -> int:
        """Number of independent members."""
        return self._stack.members

    def sums(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run every member on a (rows, columns) image and sum what they say."""
        batch = torch.from_numpy(np.ascontiguousarray(image[None, None], dtype=np.float32))
        with torch.inference_mode():
            if self._device.type != "cuda":
                return np.asarray(self._compute(batch.to(self._dtype)).numpy())
            return np.asarray(self._replay(batch).cpu().numpy())

    def close(self) -> None:
        """Give the recorded graphs' memory back."""
        self._recorded.clear()

    def _compute(self, batch: Tensor) -> Tensor:
        return summed(self._stack(batch))

    def _replay(self, batch: Tensor) -> Tensor:
        """Run the graph recorded for this shape, recording it the first time."""
        shape = tuple(batch.shape)
        if shape not in self._recorded:
            self._recorded[shape] = self._record(shape)
        self._recorded.move_to_end(shape)
        if len(self._recorded) > SHAPES:
            self._recorded.popitem(last=False)
        return self._recorded[shape](batch)

    def _record(self, shape: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
        source = torch.zeros(shape, dtype=self._dtype, device=self._device)
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                self._compute(source)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = self._compute(source)

        def replay(batch: Tensor) -> Tensor:
            source.copy_(batch)
            graph.replay()
            return result

        return replay


def variants() -> tuple[Variant, ...]:
    """List what PyTorch serves: half precision and TF32 on a CUDA device, nothing without one."""
    if not torch.cuda.is_available():
        return ()

    def variant(name: str, dtype: torch.dtype) -> Variant:
        def opened(model: Model, threads: int, preparation: Preparation) -> TorchEngine:
            del threads, preparation
            return TorchEngine(model, "cuda", dtype)

        return Variant(f"torch-cuda-{name}", opened)

    return variant("fp16", torch.float16), variant("tf32", torch.float32)


def summed(heads: Tensor) -> Tensor:
    """Sum over the members what `member_sums.accumulate` sums.

    Args:
        heads: (members, channels, rows, columns) float32.

    Returns:
        (len(Sum), rows, columns).
    """
    logit = heads[:, Channel.OBJECTNESS]
    p = torch.where(logit < SILENT_LOGIT, torch.zeros_like(logit), torch.sigmoid(logit))
    dx, dy = heads[:, Channel.DX], heads[:, Channel.DY]
    species = torch.softmax(heads[:, Channel.SPECIES_C : Channel.SPECIES_X + 1], 1)
    terms = {
        Sum.P: p,
        Sum.P_SQUARED: p * p,
        Sum.DX: p * dx,
        Sum.DX_SQUARED: p * dx * dx,
        Sum.DY: p * dy,
        Sum.DY_SQUARED: p * dy * dy,
        Sum.VARIANCE: p * torch.exp(heads[:, Channel.LOG_VARIANCE]),
        Sum.SPECIES_C: p * species[:, 0],
        Sum.SPECIES_SI: p * species[:, 1],
        Sum.SPECIES_X: p * species[:, 2],
        Sum.CONTAMINATION: torch.sigmoid(heads[:, Channel.CONTAMINATION]),
        Sum.VACUUM: torch.sigmoid(heads[:, Channel.VACUUM]),
    }
    return torch.stack([terms[quantity].sum(0) for quantity in Sum])
