"""The reader process: parses files that nobody has vouched for, behind resource limits.

``python -m shared.files.reader`` answers requests until its standard input closes. It can read
files but write none, opens few, and dies at its bounds of memory and processor time; its owner
survives and starts another. Libraries print to nowhere: standard output is the dialogue's alone.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from shared.errors import AtomLoopError
from shared.files.confinement import confine, renew_processor_time
from shared.files.dialogue import Answer, End, Refusal, Request, describe
from shared.files.limits import MOST_IMAGES
from shared.files.pixels import to_pixels
from shared.files.record import RawImage
from shared.files.signature import Format

__all__ = ["main", "serve"]

MODULES: Final[Mapping[Format, str]] = {
    "hdf5": "shared.files.formats.hdf5",
    "tiff": "shared.files.formats.tiff",
    "dm": "shared.files.formats.dm",
    "ser": "shared.files.formats.ser",
    "png": "shared.files.formats.png",
}
"""Where each format's ``read`` is; imported when first needed."""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests, one line each, until there are no more."""
    for line in requests:
        request = Request.model_validate_json(line)
        renew_processor_time()
        try:
            _send_images(request, answers)
        except ImportError as error:
            _send(answers, _missing(request, error))
        except AtomLoopError as error:
            _send(answers, _refusal(error.code, error.message, error.remedy))
        except Exception as error:  # noqa: BLE001 - a parser may raise anything on a bad file
            _send(answers, _damaged(request, error))
        else:
            _send(answers, End())
        answers.flush()


def main() -> None:
    """Take the standard streams, give up what is not needed, and serve."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    confine()
    sys.dont_write_bytecode = True
    serve(sys.stdin.buffer, answers)


def _send_images(request: Request, answers: BinaryIO) -> None:
    """Send every image of the requested file."""
    path = Path(request.path)
    for index, raw in enumerate(_read(request.format, path)):
        if index >= MOST_IMAGES:
            break
        image = to_pixels(raw.array, path.name)
        _send(answers, describe(image, index, raw.pixel_size_A, raw.metadata))
        answers.write(image.data.cast("B"))
        renew_processor_time()


def _read(kind: Format, path: Path) -> Iterator[RawImage]:
    """Return the images of a file by its format's reader."""
    images: Iterator[RawImage] = importlib.import_module(MODULES[kind]).read(path)
    return images


def _send(answers: BinaryIO, answer: Answer) -> None:
    """Write one answer's header."""
    header = answer.model_dump_json().encode()
    answers.write(len(header).to_bytes(4, "big") + header)


def _refusal(code: str, message: str, remedy: str) -> Refusal:
    """Return a refusal whose text fits a header."""
    return Refusal(code=code, message=message[:2000], remedy=remedy[:500])


def _missing(request: Request, error: ImportError) -> Refusal:
    """Return the refusal for a library that is not installed."""
    return _refusal(
        "missing-dependency",
        f"{Path(request.path).name} needs the Python package {error.name}.",
        "pip install 'atomloop[files]'",
    )


def _damaged(request: Request, error: Exception) -> Refusal:
    """Return the refusal for a file its parser choked on."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return _refusal(
        "unreadable-file",
        f"{Path(request.path).name} is damaged or incomplete: {reason.rstrip('.')}.",
        "Copy the file again once its writer has finished.",
    )


if __name__ == "__main__":
    main()
