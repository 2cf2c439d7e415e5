"""Frames from image files, in the natural order of their names.

A file that cannot be read is reported and the others go on.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

from edge_agent.sources.base import Offer, RawFrame, RefusedInput
from edge_agent.sources.replay_settings import ReplaySettings
from shared.clock import Clock
from shared.errors import AtomLoopError, UncalibratedError, UnreadableFileError
from shared.files import READABLE_SUFFIXES, ImageReader, ImageRecord
from shared.messages import Acquisition, Calibration
from shared.units import areal_dose

__all__ = ["ReplaySource", "image_files", "raw_frame"]


_UNKNOWN: Final = "unknown"
_LONGEST_TEXT: Final = 500
_SMALLEST_PIXEL_A: Final = 0.001
_LARGEST_PIXEL_A: Final = 100.0


class ReplaySource:
    """Streams files at their own pace, at a given rate, or as fast as answers come."""

    pausable = True

    def __init__(self, settings: ReplaySettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._closed = threading.Event()
        self._due_s = clock.monotonic_s()

    def describe(self) -> str:
        """Say what is replayed."""
        rate = self._settings.rate_per_s
        names = ", ".join(path.name for path in self._settings.paths[:3])
        more = f" and {len(self._settings.paths) - 3} more" if self._settings.paths[3:] else ""
        return f"replay of {names}{more}" + (f" at {rate:g} frames/s" if rate else "")

    def frames(self) -> Generator[Offer]:
        """Yield the images of all files, and a refusal for each file that gives none."""
        with ImageReader(clock=self._clock) as reader:
            yield from self._one_pass(reader)
            while self._settings.loop and not self._closed.is_set():
                yield from (o for o in self._one_pass(reader) if isinstance(o, RawFrame))

    def close(self) -> None:
        """End `frames` after the file at hand."""
        self._closed.set()

    def _one_pass(self, reader: ImageReader) -> Iterator[Offer]:
        for path in self._settings.paths:
            files = image_files(path)
            if not files:
                yield _nothing_at(path)
            for file in files:
                if self._closed.is_set():
                    return
                yield from self._images(reader, file)

    def _images(self, reader: ImageReader, file: Path) -> Iterator[Offer]:
        try:
            for record in reader.read(file, pixel_size_A=self._settings.pixel_size_A):
                self._pace()
                if self._closed.is_set():
                    return
                yield raw_frame(record, self._clock.wall_ns())
        except AtomLoopError as error:
            if self._closed.is_set():  # Ctrl-C reaches the reader process, too
                return
            yield RefusedInput(file.name, error)

    def _pace(self) -> None:
        """Wait until the next frame is due, or until `close`."""
        rate = self._settings.rate_per_s
        if rate is None:
            return
        self._closed.wait(max(0.0, self._due_s - self._clock.monotonic_s()))
        self._due_s = max(self._due_s, self._clock.monotonic_s()) + 1 / rate


def image_files(path: Path) -> list[Path]:
    """Return a file itself, or the image files in and below a folder, naturally sorted."""
    if not path.is_dir():
        return [path] if path.exists() else []
    found = (file for file in path.rglob("*") if file.suffix.lower() in READABLE_SUFFIXES)
    return sorted((file for file in found if file.is_file()), key=_natural)


def raw_frame(record: ImageRecord, now_ns: int) -> RawFrame:
    """Translate what a file says; nothing is guessed, and nonsense about the beam is left out.

    Args:
        record: One image of a file.
        now_ns: Wall clock; a file's frame counts as acquired when it is read.

    Raises:
        UncalibratedError: The pixel size is outside what a microscope can have.
    """
    says = record.metadata
    current_pA, dwell_us = _positive(says.beam_current_pA), _positive(says.dwell_time_us)
    size_A = _checked_size(record)
    dose = areal_dose(current_pA, dwell_us, size_A) if current_pA and dwell_us and size_A else None
    rows, columns = record.image.shape
    acquisition = Acquisition(
        instrument=(says.instrument or _UNKNOWN)[:_LONGEST_TEXT],
        detector=(says.detector or _UNKNOWN)[:_LONGEST_TEXT],
        high_tension_kV=_positive(says.high_tension_kV),
        dwell_time_us=dwell_us,
        beam_current_pA=current_pA,
        dose_e_A2=dose,
        field_of_view_A=(rows * size_A, columns * size_A) if size_A else None,
        started_at_ns=now_ns,
        ended_at_ns=now_ns,
        origin=f"{record.origin}#{record.index}" if record.index else record.origin,
    )
    return RawFrame(
        record.image, Calibration(pixel_size_A=size_A, source=record.calibration), acquisition
    )


def _checked_size(record: ImageRecord) -> float | None:
    size_A = record.pixel_size_A
    if size_A is None or _SMALLEST_PIXEL_A < size_A < _LARGEST_PIXEL_A:
        return size_A
    raise UncalibratedError(
        f"{record.origin} says that a pixel measures {size_A:g} Å.",
        remedy="Give the pixel size with --pixel-size, in Å.",
    )


def _positive(value: float | None) -> float | None:
    return value if value is not None and 0 < value < math.inf else None


def _natural(path: Path) -> list[tuple[int, int | str]]:
    """Sort key by which frame 2 comes before frame 10."""
    parts = re.split(r"(\d+)", str(path).lower())
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts]


def _nothing_at(path: Path) -> RefusedInput:
    what = "holds no image files" if path.is_dir() else "does not exist"
    return RefusedInput(
        path.name,
        UnreadableFileError(f"{path} {what}.", remedy="Check the path; see edge-agent replay -h."),
    )
