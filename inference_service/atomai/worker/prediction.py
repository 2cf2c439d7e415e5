"""AtomAI's own ensemble on one frame: the reference for parity and the baseline for speed."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from atomai.predictors import EnsemblePredictor, Locator

from .checkpoint import Checkpoint, read_checkpoint

__all__ = ["detect"]

_OPEN: dict[str, Checkpoint] = {}


def detect(request: dict[str, Any]) -> dict[str, Any]:
    """Predict with `EnsemblePredictor` and locate on the mean map with `Locator`.

    Args:
        request: `model`, a checkpoint, kept open for the next request; `frame`, an `.npz` with
            `image`; `threads`; `out`, where to write maps and atoms, optional; `members`, how many
            the ensemble has where the checkpoint's own are to stand in for more, optional.

    Returns:
        `wall_s` and `cpu_s` from image to atoms, reading and writing left out; `atoms`, their
        number; `members`.
    """
    torch.set_num_threads(int(request["threads"]))
    checkpoint = _OPEN.setdefault(request["model"], read_checkpoint(Path(request["model"])))
    with np.load(request["frame"], allow_pickle=False) as archive:
        image = archive["image"].astype(np.float64)
    own = checkpoint.members
    count = int(request.get("members") or len(own))
    skeleton, ensemble = checkpoint.skeleton(), {n: own[n % len(own)] for n in range(count)}
    wall, cpu = perf_counter(), process_time()
    predictor = EnsemblePredictor(skeleton, ensemble, nb_classes=checkpoint.classes, verbose=1)
    mean, variance = predictor.predict(image)
    atoms = Locator(0.5, refine=False).run(mean)[0]
    wall, cpu = perf_counter() - wall, process_time() - cpu
    if request.get("out"):
        np.savez(request["out"], mean=mean[0], variance=variance[0], atoms=atoms)
    return {
        "wall_s": wall,
        "cpu_s": cpu,
        "atoms": len(atoms),
        "members": len(ensemble),
    }
