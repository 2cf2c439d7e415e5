"""Which format a file is in, by its first bytes; names may lie."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from shared.errors import UnreadableFileError

__all__ = ["READABLE_SUFFIXES", "Format", "detect_format"]

Format = Literal["hdf5", "npy", "npz", "tiff", "dm", "ser", "png"]

SIGNATURES: Final[tuple[tuple[bytes, Format], ...]] = (
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"\x93NUMPY", "npy"),
    (b"PK\x03\x04", "npz"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"\x00\x00\x00\x03", "dm"),
    (b"\x00\x00\x00\x04", "dm"),
    (b"II\x97\x01", "ser"),
    (b"\x89PNG\r\n\x1a\n", "png"),
)

READABLE_SUFFIXES: Final = frozenset(
    {".dm3", ".dm4", ".emd", ".h5", ".hdf5", ".hspy", ".npy", ".npz", ".png", ".ser", ".tif"}
    | {".tiff"}
)
"""Endings of the files a folder is searched for."""


def detect_format(path: Path) -> Format:
    """Return the format of a file.

    Raises:
        UnreadableFileError: The file is missing, empty, or of no known format.
    """
    if path.exists() and not path.is_file():
        raise UnreadableFileError(f"{path.name} is not a file.", remedy="Give image files.")
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise UnreadableFileError(
            f"{path.name}: {error.strerror or error}.", remedy="Check the path and its permissions."
        ) from error
    for signature, kind in SIGNATURES:
        if start.startswith(signature):
            return kind
    what = "is empty" if not start else "is of no known image format"
    raise UnreadableFileError(
        f"{path.name} {what}.",
        remedy=f"Readable are {', '.join(sorted(s[1:] for s in READABLE_SUFFIXES))} files.",
    )
