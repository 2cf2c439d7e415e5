"""From labelled frames to a servable ensemble, with AtomAI's own trainer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from inference_service.atomai.crops import Cutting, cut
from inference_service.atomai.labelled_frame import found_files, load_labelled
from inference_service.atomai.model_folder import Naming, import_models
from inference_service.atomai.worker_process import AtomAI
from shared.errors import ConfigurationError

__all__ = ["Training", "train_ensemble"]


@dataclass(frozen=True)
class Training:
    """How the members are trained; the defaults are the paper's, where it states them."""

    members: int = 20
    cycles: int = 2000
    """Mini-batches per member."""
    batch: int = 32
    layers: tuple[int, ...] = (2, 3, 3, 4)
    """Convolutions of each block on the way down, mirrored on the way up."""
    cutting: Cutting = field(default_factory=Cutting)
    threads: int = 1


def train_ensemble(
    labelled: Sequence[Path], folder: Path, how: Training, say: Callable[[str], None]
) -> int:
    """Train and import an ensemble.

    The checkpoint lies beside the folder and grows with each member, so that an interrupted
    training is not lost: `import-atomai` takes what is there.

    Args:
        labelled: Files of labelled frames, or folders of them.
        folder: Where the servable model goes.
        how: Of the training.
        say: Takes lines of progress.

    Returns:
        The number of members.

    Raises:
        InputError: The frames cannot be trained on together.
        ModelError: A class does not occur, or there are too few crops.
        ConfigurationError: The folder holds a model already.
    """
    if (folder / "manifest.json").exists():
        raise ConfigurationError(f"{folder} holds a model already.", remedy="Name a new folder.")
    frames = [load_labelled(path) for path in found_files(labelled)]
    images, masks = cut(frames, how.cutting)
    say(f"{len(images)} crops of {how.cutting.side_px} px from {len(frames)} frames")
    work = folder.with_name(f"{folder.name}-training")
    work.mkdir(parents=True, exist_ok=True)
    crops = work / "crops.npz"
    np.savez(crops, images=images, masks=masks)
    classes = frames[0].classes
    with AtomAI(how.threads, say) as atomai:
        trained = atomai.ask(
            "train",
            crops=str(crops.absolute()),
            out=str((work / "ensemble").absolute()),
            classes=len(classes) + 1,
            members=how.members,
            cycles=how.cycles,
            batch=how.batch,
            layers=how.layers,
            threads=how.threads,
        )
    crops.unlink()
    naming = Naming(classes, frames[0].pixel_size_A)
    return import_models([Path(trained["model"])], folder, naming, say)
