"""Write the members of a checkpoint as self-contained ONNX files, with a proof of equality.

The graph is the network followed by AtomAI's own softmax (sigmoid where there is one class), so
that what is served is what `Segmentor.predict` returns. A probe image and AtomAI's own maps of it
go along: whoever serves the files compares them first.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from atomai.models import Segmentor

from .checkpoint import Checkpoint, read_checkpoint

__all__ = ["export", "predicted"]

OPSET: Final = 17
PROBE_PX: Final = 96


def export(request: dict[str, Any]) -> dict[str, Any]:
    """Export every member of one checkpoint.

    Args:
        request: `model`, the checkpoint; `out`, an existing folder; `first`, the number of the
            first file.

    Returns:
        The files' names in order, and the structure of the network.
    """
    checkpoint = read_checkpoint(Path(request["model"]))
    out, first = Path(request["out"]), int(request["first"])
    probe = np.random.default_rng(7).random((PROBE_PX, PROBE_PX), dtype=np.float32)
    files = []
    for member in range(len(checkpoint.members)):
        network = checkpoint.trained(member)
        name = f"member-{first + member:02d}"
        _write(network, checkpoint.classes, out / f"{name}.onnx")
        maps = predicted(checkpoint, network, probe)
        np.savez(out / f"{name}.npz", image=probe, maps=maps)
        files.append(name)
    return {
        "files": files,
        "network": checkpoint.network,
        "structure": checkpoint.structure,
        "channels": checkpoint.classes,
        "multiple_px": checkpoint.multiple_px(),
    }


def predicted(checkpoint: Checkpoint, network: Any, image: np.ndarray[Any, Any]) -> Any:
    """Return (channels, rows, columns) of AtomAI's own `Segmentor.predict`."""
    segmentor = Segmentor(checkpoint.network, checkpoint.classes, **checkpoint.structure)
    segmentor.net.load_state_dict(network.state_dict())
    segmentor.net.eval()
    segmentor.downsample_factor = checkpoint.multiple_px()
    maps = segmentor.predict(image, compute_coords=False, verbose=False)
    return np.ascontiguousarray(maps[0].transpose(2, 0, 1))


def _write(network: Any, classes: int, path: Path) -> None:
    """Trace one member into an ONNX file whose rows and columns are free."""
    last = torch.nn.Softmax(dim=1) if classes > 1 else torch.nn.Sigmoid()
    free = {2: "rows", 3: "columns"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter announces its successor
        torch.onnx.export(
            torch.nn.Sequential(network, last).eval(),
            (torch.zeros(1, 1, PROBE_PX, PROBE_PX),),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["probability"],
            dynamic_axes={"image": free, "probability": free},
        )
