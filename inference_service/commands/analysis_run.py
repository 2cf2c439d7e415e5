"""Analyse image files one by one and write one JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from inference_service.commands.analysis_json import Json, error_json, frame_json
from inference_service.commands.frame_ids import file_ids, image_id
from inference_service.detector.pipeline import Detector
from shared.errors import AtomLoopError, ConfigurationError
from shared.files import ImageReader, ImageRecord
from shared.messages import Calibration

__all__ = ["Outcome", "analyze_files", "write_json"]


@dataclass(frozen=True)
class Outcome:
    """What became of each image, by its id."""

    frames: dict[str, Json] = field(default_factory=dict)
    errors: dict[str, dict[str, Json]] = field(default_factory=dict)


def analyze_files(detector: Detector, files: Iterable[Path], pixel_size_A: float | None) -> Outcome:
    """Analyse every image of every file; what fails is named, the others go on."""
    outcome = Outcome()
    ids = file_ids(list(dict.fromkeys(files)))
    with ImageReader() as reader:
        for path, file_id in ids.items():
            try:
                for name, record in named(file_id, reader.read(path, pixel_size_A=pixel_size_A)):
                    analyze_image(detector, name, record, outcome)
            except AtomLoopError as error:
                outcome.errors[file_id] = error_json(error)
    return outcome


def named(file_id: str, records: Iterator[ImageRecord]) -> Iterator[tuple[str, ImageRecord]]:
    """Pair the images of a file with their names; only a second image makes a stack."""
    first = next(records, None)
    if first is None:
        return
    second = next(records, None)
    stack = second is not None
    yield image_id(file_id, 0, stack=stack), first
    if second is not None:
        yield image_id(file_id, 1, stack=True), second
    for record in records:
        yield image_id(file_id, record.index, stack=True), record


def analyze_image(detector: Detector, name: str, record: ImageRecord, outcome: Outcome) -> None:
    """Analyse one image and note what came of it."""
    try:
        calibration = Calibration(pixel_size_A=record.pixel_size_A, source=record.calibration)
        outcome.frames[name] = frame_json(detector.analyze(record.image, calibration))
    except AtomLoopError as error:
        outcome.errors[name] = error_json(error)


def write_json(path: Path, detector: Detector, outcome: Outcome) -> None:
    """Write the result in one piece: a reader never sees half of it.

    Raises:
        ConfigurationError: The place cannot be written to.
    """
    result: dict[str, Json] = {
        "model": {
            "digest": detector.digest,
            "members": detector.members,
            "engine": detector.engine,
        },
        "frames": outcome.frames,
        "errors": dict(outcome.errors),
    }
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(json.dumps(result, allow_nan=False), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}.",
            remedy="Name a file in a folder that exists and is writable.",
        ) from error
