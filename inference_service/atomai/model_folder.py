"""Turn AtomAI's models into a folder that the live service can serve.

Each member becomes one self-contained ONNX file. Before it counts, it is run by the engine that
will serve it and compared with what AtomAI itself made of the same image.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from pydantic import ValidationError

from inference_service.atomai.worker_process import AtomAI
from inference_service.detector.model import load_model
from inference_service.detector.segmentation.description import Segmentation, read_segmentation
from inference_service.detector.segmentation.member import open_members, paint, scaled
from shared.errors import ConfigurationError, ModelError

__all__ = ["Naming", "import_models"]

TOLERANCE: Final = 1e-4
"""Largest difference of a probability between AtomAI and the file that is served."""
DEFAULT_CLASSES: Final = {1: ("C",), 2: ("C",), 3: ("C", "Si")}
"""By the channels of the output; the background is the last of several."""


@dataclass(frozen=True)
class Naming:
    """What a checkpoint does not say of itself."""

    classes: tuple[str, ...]
    """Element of each class, background left out; empty: by the number of channels."""
    pixel_size_A: float
    """Sampling of the images it was trained on, Å per pixel."""
    threshold: float = 0.5
    """Least mean probability of an atom, as in AtomAI's locator."""


def import_models(
    checkpoints: Sequence[Path], folder: Path, naming: Naming, say: Callable[[str], None]
) -> int:
    """Import checkpoints, single models or ensembles, as one ensemble.

    Args:
        checkpoints: What AtomAI saved; all of one structure's classes.
        folder: Where the servable model goes; made if absent.
        naming: What the classes mean and the sampling they were trained at.
        say: Takes a line of progress.

    Returns:
        The number of members.

    Raises:
        ModelError: A checkpoint is refused, or its file does not answer as AtomAI does.
        ConfigurationError: The folder holds a model already, or the classes do not fit.
    """
    if (folder / "manifest.json").exists():
        raise ConfigurationError(f"{folder} holds a model already.", remedy="Name a new folder.")
    for checkpoint in checkpoints:
        if not checkpoint.is_file():
            raise ConfigurationError(f"{checkpoint} is no file.", remedy="Name a checkpoint.")
    with TemporaryDirectory() as place, AtomAI() as atomai:
        drafts = Path(place)
        exports: list[dict[str, Any]] = []
        names: list[str] = []
        for checkpoint in checkpoints:
            path = str(checkpoint.absolute())
            exports.append(atomai.ask("export", model=path, out=place, first=len(names) + 1))
            names += exports[-1]["files"]
            say(f"{checkpoint.name}: {len(exports[-1]['files'])} members")
        description = describe(exports, naming)
        folder.mkdir(parents=True, exist_ok=True)
        entries = [install(drafts, name, folder) for name in names]
        write_manifest(folder, entries, description, exports[0])
        difference = largest_difference(folder, drafts, names)
    if difference > TOLERANCE:
        (folder / "manifest.json").unlink()
        raise ModelError(
            f"The exported members differ from AtomAI's own answer by {difference:.1g}.",
            remedy="Report it with the checkpoint; nothing was made servable.",
        )
    say(f"largest difference from AtomAI's own maps: {difference:.1g}")
    return len(names)


def describe(exports: Sequence[dict[str, Any]], naming: Naming) -> Segmentation:
    """Put the description together that serving needs.

    Raises:
        ConfigurationError: The checkpoints disagree, or the classes named do not fit them.
    """
    channels = {int(one["channels"]) for one in exports}
    if len(channels) > 1:
        raise ConfigurationError(
            f"The checkpoints have {' and '.join(map(str, sorted(channels)))} channels.",
            remedy="Import models of the same classes together.",
        )
    (count,) = channels
    classes = naming.classes or DEFAULT_CLASSES.get(count, ())
    if len(classes) != max(1, count - 1):
        raise ConfigurationError(
            f"The model has {max(1, count - 1)} classes beside the background, and "
            f"{len(classes)} are named.",
            remedy="Name the element of each class, background left out: --classes C,Si.",
        )
    try:
        return Segmentation(
            classes=classes,
            background=count > 1,
            multiple_px=max(int(one["multiple_px"]) for one in exports),
            pixel_size_A=naming.pixel_size_A,
            threshold=naming.threshold,
        )
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise ConfigurationError(
            f"{problem['loc'][0]}: {problem['msg']}.",
            remedy="Write elements as C,Si,X and the pixel size in Å, such as 0.104.",
        ) from error


def install(drafts: Path, name: str, folder: Path) -> dict[str, str]:
    """Copy a member and return its entry in the manifest."""
    content = (drafts / f"{name}.onnx").read_bytes()
    (folder / f"{name}.onnx").write_bytes(content)
    return {"file": f"{name}.onnx", "sha256": hashlib.sha256(content).hexdigest()}


def write_manifest(
    folder: Path, entries: list[dict[str, str]], description: Segmentation, origin: dict[str, Any]
) -> None:
    """Write the manifest that names the members and says how to read their maps."""
    digests = "\n".join(entry["sha256"] for entry in entries)
    manifest = {
        "name": folder.name,
        "members": entries,
        "digest": hashlib.sha256(digests.encode()).hexdigest(),
        "segmentation": description.model_dump(mode="json"),
        "origin": {"package": "atomai", "network": origin["network"], **origin["structure"]},
    }
    draft = folder / "manifest.json.tmp"
    draft.write_text(json.dumps(manifest, indent=2) + "\n")
    draft.replace(folder / "manifest.json")


def largest_difference(folder: Path, drafts: Path, names: Sequence[str]) -> float:
    """Compare each member, as it will be served, with AtomAI's own maps of the same image."""
    description = read_segmentation(folder)
    if description is None:
        raise ModelError(f"{folder} has no description.", remedy="Import it again.")
    sessions = open_members(load_model(folder), description, threads=1)
    worst = 0.0
    for session, name in zip(sessions, names, strict=True):
        with np.load(drafts / f"{name}.npz", allow_pickle=False) as proof:
            ours = paint(session, scaled(proof["image"]))
            worst = max(worst, float(np.abs(ours - proof["maps"]).max()))
    return worst
