"""NumPy's own files, read in process: no code but ours and NumPy's header parser sees them.

The header's claim is compared with the limits and with what is really there before anything is
allocated; object arrays (pickles) are refused.
"""

from __future__ import annotations

import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from shared.errors import UnreadableFileError
from shared.files.lengths import square_pixel_A
from shared.files.pixels import grey_from_channels, is_coloured, plain_shape
from shared.files.record import RawImage

__all__ = ["read_npy", "read_npz"]

Header = tuple[tuple[int, ...], bool, np.dtype[Any]]
"""Shape, whether in Fortran order, element type."""

READ_HEADER: Final[dict[tuple[int, int], Callable[[IO[bytes]], Header]]] = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}

CHUNK_BYTES: Final = 1 << 20
"""Bytes read at a time: a compressed member is never expanded beyond what the header claims."""

BROKEN: Final = (
    *(EOFError, KeyError, LookupError, MemoryError, OSError, RuntimeError, SyntaxError),
    *(TypeError, ValueError, lzma.LZMAError, struct.error, tokenize.TokenError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What NumPy, zipfile and the decompressors raise on damaged files."""


def read_npy(path: Path) -> Iterator[RawImage]:
    """Yield the image of a .npy file, or the images of a stack (images, rows, columns).

    Raises:
        UnreadableFileError: Damaged, too large, pickled, or not an image.
    """
    try:
        with path.open("rb") as file:
            yield from _images(file, path.name, None)
    except BROKEN as error:
        raise _damaged(path.name, error) from error


def read_npz(path: Path) -> Iterator[RawImage]:
    """Yield the ``image`` of a .npz file, calibrated by its ``pixel_size_A`` where there is one.

    A file with a single array of another name is read, too.

    Raises:
        UnreadableFileError: Damaged, too large, pickled, or without an image.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            pixel_size = None
            if "pixel_size_A.npy" in names:
                with archive.open("pixel_size_A.npy") as member:
                    pixel_size = _scalar_size_A(member, path.name)
            with archive.open(_image_member(names, path.name)) as member:
                yield from _images(member, path.name, pixel_size)
    except BROKEN as error:
        raise _damaged(path.name, error) from error


def _image_member(names: list[str], origin: str) -> str:
    """Return the archive member that holds the image."""
    arrays = [name for name in names if name != "pixel_size_A.npy"]
    if "image.npy" in arrays:
        return "image.npy"
    if len(arrays) == 1:
        return arrays[0]
    raise UnreadableFileError(
        f"{origin}: no array named image among {', '.join(arrays) or 'none'}.",
        remedy="Save it as np.savez(file, image=..., pixel_size_A=...).",
    )


def _images(stream: IO[bytes], origin: str, pixel_size_A: float | None) -> Iterator[RawImage]:
    """Yield the images of one array, one at a time and in order."""
    stored, fortran, dtype = _header(stream, origin)
    shape = plain_shape(stored, dtype.itemsize, origin)
    if fortran and len(shape) == 3:
        raise UnreadableFileError(
            f"{origin}: a stack in Fortran order.", remedy="Save np.ascontiguousarray(stack)."
        )
    if len(shape) == 2 or is_coloured(shape):
        image = _read(stream, shape[::-1] if fortran else shape, dtype, origin)
        image = image.T if fortran else image
        grey = grey_from_channels(image, origin) if image.ndim == 3 else image
        yield RawImage(grey, pixel_size_A)
        return
    for _ in range(shape[0]):
        yield RawImage(_read(stream, shape[1:], dtype, origin), pixel_size_A)


def _scalar_size_A(stream: IO[bytes], origin: str) -> float | None:
    """Return the pixel size stored as an array of one number, Å; None where implausible."""
    shape, _, dtype = _header(stream, origin)
    if any(side != 1 for side in shape) or dtype.kind not in "uif":
        raise UnreadableFileError(
            f"{origin}: pixel_size_A is not one number.", remedy="Save one number, in Å."
        )
    size = float(_read(stream, (1,), dtype, origin)[0])
    return square_pixel_A(size, size)


def _header(stream: IO[bytes], origin: str) -> Header:
    """Return an array's header, refusing versions and types that are no images."""
    version = npy.read_magic(stream)
    reader = READ_HEADER.get(version)
    if reader is None:
        raise ValueError(f"format version {version} holds no image")
    shape, fortran, dtype = reader(stream)
    if dtype.hasobject:
        raise UnreadableFileError(
            f"{origin}: a pickled object array, which could run code.",
            remedy="Save plain numbers: np.save(file, array.astype(float)).",
        )
    return shape, fortran, dtype


def _read(
    stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], origin: str
) -> NDArray[Any]:
    """Return the next array of a stream; the shape has been checked against the limits."""
    image = np.empty(shape, dtype=dtype)
    wanted = image.reshape(-1).view(np.uint8).data
    done = 0
    while done < len(wanted):
        piece = stream.read(min(len(wanted) - done, CHUNK_BYTES))
        if not piece:
            raise UnreadableFileError(
                f"{origin} is truncated: {done} of {len(wanted)} bytes of an image.",
                remedy="Copy the file again once its writer has finished.",
            )
        wanted[done : done + len(piece)] = piece
        done += len(piece)
    return image


def _damaged(origin: str, error: Exception) -> UnreadableFileError:
    """Return the refusal of a file that NumPy or zipfile could not follow."""
    return UnreadableFileError(
        f"{origin} is damaged: {error}.",
        remedy="Copy the file again once its writer has finished.",
    )
