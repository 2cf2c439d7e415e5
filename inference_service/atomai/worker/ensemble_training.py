"""Train an ensemble with AtomAI's own `EnsembleTrainer` from labelled crops."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from atomai.trainers import EnsembleTrainer

from .refusal import RefusedError

__all__ = ["train"]

VALIDATION_SHARE: Final = 0.15
"""AtomAI's own default; at least one batch, or its trainer divides by zero."""


def train(request: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Train members one after another; the checkpoint grows with each of them.

    Args:
        request: `crops`, an `.npz` with `images` (n, rows, columns) in 0..1 and `masks` of class
            numbers, background last; `classes`, background included; `members`, `cycles`,
            `batch`, `layers`, `threads`; `out`, the checkpoint's path without its ending.
        say: Takes a line of progress.

    Returns:
        `model`, the checkpoint.

    Raises:
        RefusedError: A class does not occur in the crops, or there are too few of them.
    """
    torch.set_num_threads(int(request["threads"]))
    with np.load(request["crops"], allow_pickle=False) as archive:
        images, masks = archive["images"], archive["masks"].astype(np.int64)
    batch, classes, members = (
        int(request["batch"]),
        int(request["classes"]),
        int(request["members"]),
    )
    held_out = max(batch, round(VALIDATION_SHARE * len(images)))
    _check(masks, classes, held_out + batch)
    trainer = EnsembleTrainer("Unet", classes, layers=list(request["layers"]))
    trainer.compile_ensemble_trainer(
        training_cycles=int(request["cycles"]),
        batch_size=batch,
        filename=request["out"],
        plot_training_history=False,
        print_loss=max(1, int(request["cycles"]) // 10),
    )
    save = trainer.save_ensemble_metadict

    def save_and_say(*arguments: str) -> None:
        """Save what is trained so far and say how far that is."""
        save(*arguments)
        say(f"{len(trainer.ensemble_state_dict)} of {members} members trained")

    trainer.save_ensemble_metadict = save_and_say
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        trainer.train_ensemble_from_scratch(
            images[held_out:],
            masks[held_out:],
            images[:held_out],
            masks[:held_out],
            n_models=members,
        )
    return {"model": str(Path(f"{request['out']}_ensemble_metadict.tar").absolute())}


def _check(masks: np.ndarray[Any, Any], classes: int, least: int) -> None:
    """Refuse what AtomAI's trainer would fail on without saying why."""
    if len(masks) < least:
        raise RefusedError(
            f"{len(masks)} crops are fewer than the {least} that two batches need.",
            "Label more frames, or lower --batch or --crop.",
        )
    absent = sorted(set(range(classes)) - set(np.unique(masks).tolist()))
    if absent:
        raise RefusedError(
            f"No crop holds a pixel of class {absent[0]}.",
            "Label frames in which every class occurs, or name fewer classes.",
        )
