"""From image files to files of labelled frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from inference_service.atomai.labelled_frame import save_labelled
from inference_service.atomai.labelling import Labelled, Labelling, RawFrame, label_frames, taken
from shared.errors import AtomLoopError, InputError
from shared.files import ImageReader
from shared.messages import Calibration

__all__ = ["label_files"]


@dataclass
class _Read:
    """Frames as they come in, and what was refused."""

    names: list[str] = field(default_factory=list)
    frames: list[RawFrame] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def label_files(
    files: Sequence[Path], out: Path, how: Labelling, pixel_size_A: float | None
) -> dict[str, Any]:
    """Label every image of every file and write one `.npz` each.

    Args:
        files: Images and stacks in any format that is read.
        out: Folder for the labelled frames; made if absent.
        how: Of the labels.
        pixel_size_A: Edge of a pixel where the files do not say.

    Returns:
        Names of the frames written, atoms by class, the mixture, refusals and warnings.

    Raises:
        InputError: No frame could be labelled.
    """
    read = _read(files, how, pixel_size_A)
    if not read.frames:
        reason = next(iter(read.refused.values()), "No file was named.")
        raise InputError(f"No frame could be labelled: {reason}", remedy="Mend or leave out files.")
    labelled = label_frames(read.frames, how)
    out.mkdir(parents=True, exist_ok=True)
    for name, frame in zip(read.names, labelled.frames, strict=True):
        save_labelled(out / f"{name}.npz", frame)
    return _summary(read, labelled, how)


def _read(files: Sequence[Path], how: Labelling, pixel_size_A: float | None) -> _Read:
    read = _Read()
    with ImageReader() as reader:
        for path in dict.fromkeys(files):
            try:
                for record in reader.read(path, pixel_size_A=pixel_size_A):
                    name = f"{len(read.names) + 1:05d}-{path.stem}"
                    calibration = Calibration(
                        pixel_size_A=record.pixel_size_A, source=record.calibration
                    )
                    read.frames.append(taken(record.image, calibration, how))
                    read.names.append(name)
            except AtomLoopError as error:
                read.refused[str(path)] = str(error)
    return read


def _summary(read: _Read, labelled: Labelled, how: Labelling) -> dict[str, Any]:
    group = np.concatenate([frame.atom_class for frame in labelled.frames])
    mixture = labelled.mixture
    return {
        "frames": read.names,
        "atoms": {name: int(np.sum(group == i)) for i, name in enumerate(how.classes)},
        "mixture": None
        if mixture is None
        else {
            "weights": mixture.weights.tolist(),
            "means": mixture.means.tolist(),
            "sigmas": mixture.sigmas.tolist(),
        },
        "refused": read.refused,
        "warnings": list(labelled.warnings),
    }
