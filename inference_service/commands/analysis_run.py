"""Analyse image files one by one and write one JSON file."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from inference_service.commands.analysis_json import Json, error_json, frame_json
from inference_service.commands.frame_ids import file_ids, image_id
from inference_service.detector.pipeline import Detector
from shared.errors import AtomLoopError, ConfigurationError
from shared.files import ImageReader, ImageRecord
from shared.messages import Calibration

__all__ = ["Outcome", "analyze_files", "write_json"]

IN_FLIGHT: Final = 2


@dataclass(frozen=True)
class Outcome:
    """What became of each image, by its id."""

    frames: dict[str, Json] = field(default_factory=dict)
    errors: dict[str, dict[str, Json]] = field(default_factory=dict)


def analyze_files(detector: Detector, files: Iterable[Path], pixel_size_A: float | None) -> Outcome:
    """Analyse every image of every file; what fails is named, the others go on.

    Two images are under way at a time: while one is fitted, the members look at the next.
    """
    outcome = Outcome()
    ids = file_ids(list(dict.fromkeys(files)))
    with ImageReader() as reader, ThreadPoolExecutor(IN_FLIGHT, "image") as executor:
        flight = Flight(executor, outcome)
        for path, file_id in ids.items():
            try:
                for name, record in named(file_id, reader.read(path, pixel_size_A=pixel_size_A)):
                    flight.add(name, partial(analysis_of, detector, record))
            except AtomLoopError as error:
                outcome.errors[file_id] = error_json(error)
        flight.land()
    return outcome


class Flight:
    """Images under way, at most `IN_FLIGHT`, told in the order they came.

    Args:
        executor: Where they are analysed.
        outcome: What became of them.
    """

    def __init__(self, executor: Executor, outcome: Outcome) -> None:
        self._executor = executor
        self._outcome = outcome
        self._under_way: deque[tuple[str, Future[Json]]] = deque()

    def add(self, name: str, work: Callable[[], Json]) -> None:
        """Start with an image, once there is room."""
        if len(self._under_way) == IN_FLIGHT:
            self._settle()
        self._under_way.append((name, self._executor.submit(work)))

    def land(self) -> None:
        """Wait for what is under way."""
        while self._under_way:
            self._settle()

    def _settle(self) -> None:
        """Note what became of the first image."""
        name, future = self._under_way.popleft()
        try:
            self._outcome.frames[name] = future.result()
        except AtomLoopError as error:
            self._outcome.errors[name] = error_json(error)


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


def analysis_of(detector: Detector, record: ImageRecord) -> Json:
    """Analyse one image."""
    calibration = Calibration(pixel_size_A=record.pixel_size_A, source=record.calibration)
    return frame_json(detector.analyze(record.image, calibration))


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
    draft = path.with_name(f".{path.name}.partial")
    try:
        draft.write_text(json.dumps(result, allow_nan=False), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}.",
            remedy="Name a file in a folder that exists and is writable.",
        ) from error
