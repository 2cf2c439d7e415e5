"""The owner of the reader process: one warm process for many files, replaced when it dies."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import numpy as np

from shared.clock import Clock, SystemClock
from shared.errors import AtomLoopError, MissingDependencyError, UnreadableFileError
from shared.files.dialogue import ANSWER, Answer, ImageHeader, Refusal, Request
from shared.files.limits import FILE_SECONDS, LARGEST_HEADER_BYTES
from shared.files.numpy_files import read_npy, read_npz
from shared.files.pixels import to_pixels
from shared.files.record import CalibrationSource, ImageRecord, RawImage
from shared.files.signature import Format, detect_format

__all__ = ["ImageReader"]

ERRORS: Final[dict[str, type[AtomLoopError]]] = {
    MissingDependencyError.code: MissingDependencyError,
    UnreadableFileError.code: UnreadableFileError,
}
"""Errors the reader process may answer with; anything else is an unreadable file."""

CLEAN_ENVIRONMENT: Final = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT")
"""Variables the reader process inherits; secrets are not among them."""


class ImageReader:
    """Reads image files; everything but NumPy's own formats in a limited process.

    Use as a context manager and give it all files of a run: the process starts with the first
    file that needs it and is kept warm.

    Args:
        timeout_s: Silence of the reader process after which a file is given up.
        clock: Measures that silence.
    """

    def __init__(self, *, timeout_s: float = FILE_SECONDS, clock: Clock | None = None) -> None:
        self._timeout_s = timeout_s
        self._clock = clock or SystemClock()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the reader process, if one runs."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def read(self, path: Path, *, pixel_size_A: float | None = None) -> Iterator[ImageRecord]:
        """Yield the images of a file in order.

        Args:
            path: The file; its format is told by its first bytes.
            pixel_size_A: The operator's word on the edge of a pixel, Å; overrules the file's.

        Raises:
            UnreadableFileError: Missing, truncated, damaged, too large, or of no known format.
            MissingDependencyError: The format's library is not installed.
        """
        kind = detect_format(path)
        for index, raw in enumerate(self._raw_images(path, kind)):
            size = raw.pixel_size_A if pixel_size_A is None else pixel_size_A
            yield ImageRecord(
                image=to_pixels(raw.array, path.name),
                pixel_size_A=size,
                calibration=_source(raw.pixel_size_A, pixel_size_A),
                origin=path.name,
                index=index,
                metadata=raw.metadata,
            )

    def _raw_images(self, path: Path, kind: Format) -> Iterator[RawImage]:
        """Return the images as their format's reader finds them."""
        if kind == "npy":
            return read_npy(path)
        if kind == "npz":
            return read_npz(path)
        return self._ask(path, kind)

    def _ask(self, path: Path, kind: Format) -> Iterator[RawImage]:
        """Yield the images the reader process sends; end it unless it reached the file's end."""
        finished = False
        try:
            self._say(Request(path=str(path.resolve()), format=kind), path.name)
            while True:
                answer = self._answer(path.name)
                if isinstance(answer, ImageHeader):
                    yield self._image(answer, path.name)
                    continue
                finished = True
                if isinstance(answer, Refusal):
                    raise ERRORS.get(answer.code, UnreadableFileError)(
                        answer.message, remedy=answer.remedy
                    )
                return
        finally:
            if not finished:
                self.close()

    def _say(self, request: Request, origin: str) -> None:
        """Send a request, to a new process where there is none."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = _start()
        try:
            os.write(_stream(self._process.stdin), request.model_dump_json().encode() + b"\n")
        except OSError as error:
            raise _crashed(origin, "died") from error

    def _answer(self, origin: str) -> Answer:
        """Return the next answer's header."""
        length = int.from_bytes(self._receive(4, origin), "big")
        if length > LARGEST_HEADER_BYTES:
            raise _crashed(origin, "sent nonsense")
        try:
            return ANSWER.validate_json(bytes(self._receive(length, origin)))
        except ValueError as error:
            raise _crashed(origin, "sent nonsense") from error

    def _image(self, header: ImageHeader, origin: str) -> RawImage:
        """Return the image whose header has come; its size has been checked with the header."""
        pixels = np.frombuffer(self._receive(header.payload_bytes, origin), dtype=header.dtype)
        return RawImage(pixels.reshape(header.shape), header.pixel_size_A, header.metadata)

    def _receive(self, count: int, origin: str) -> bytearray:
        """Return so many bytes of the reader process's answer."""
        stream = _stream(self._process.stdout if self._process else None)
        received = bytearray(count)
        view, done = memoryview(received), 0
        deadline = self._clock.monotonic_s() + self._timeout_s
        while done < count:
            left = deadline - self._clock.monotonic_s()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                raise _crashed(origin, f"gave no answer within {self._timeout_s:g} s")
            piece = os.readv(stream, [view[done:]])
            if piece == 0:
                raise _crashed(origin, "died")
            done += piece
            deadline = self._clock.monotonic_s() + self._timeout_s
        return received


def _source(header_A: float | None, flag_A: float | None) -> CalibrationSource:
    """Return whose word on the pixel size counts."""
    if flag_A is not None:
        return "flag"
    return "none" if header_A is None else "header"


def _stream(pipe: IO[bytes] | None) -> int:
    """Return the descriptor of a pipe to the reader process."""
    if pipe is None:
        raise RuntimeError("the reader process was started without pipes")
    return pipe.fileno()


def _start() -> subprocess.Popen[bytes]:
    """Return a new reader process."""
    environment = {name: os.environ[name] for name in CLEAN_ENVIRONMENT if name in os.environ}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-I", "-m", "shared.files.reader"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env=environment,
        close_fds=True,
    )


def _crashed(origin: str, what: str) -> UnreadableFileError:
    """Return the refusal of a file over which the reader process failed."""
    return UnreadableFileError(
        f"{origin}: the reader process {what}.",
        remedy="The file is damaged or hostile; open it in the program that wrote it.",
    )
