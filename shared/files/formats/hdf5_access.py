"""Careful access to HDF5: nothing outside the file, nothing larger than the limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import h5py
import numpy as np

from shared.errors import UnreadableFileError
from shared.files.pixels import grey_from_channels, is_coloured, plain_shape
from shared.files.record import ImageMetadata, RawImage

__all__ = ["datasets", "json_tree", "number", "stack", "text"]

MOST_NODES: Final = 10_000
"""Objects looked at in one file."""

LONGEST_TEXT: Final = 4 * 1024**2
"""Bytes of metadata that are parsed; a microscope's full state takes some 100 kB."""


def datasets(group: h5py.Group) -> Iterator[h5py.Dataset]:
    """Yield the numeric datasets below a group that lie within the file, nearest first."""
    waiting, seen = [group], 0
    while waiting and seen < MOST_NODES:
        current = waiting.pop(0)
        for name in current:
            seen += 1
            if not isinstance(current.get(name, getlink=True), h5py.HardLink):
                continue
            node = current[name]
            if isinstance(node, h5py.Group):
                waiting.append(node)
            elif isinstance(node, h5py.Dataset) and _own(node):
                yield node


def _own(dataset: h5py.Dataset) -> bool:
    """Return whether a dataset holds real numbers, stored in this very file."""
    return bool(dataset.dtype.kind in "buif" and not dataset.external and not dataset.is_virtual)


def stack(
    dataset: h5py.Dataset, origin: str, pixel_size_A: float | None, metadata: ImageMetadata
) -> Iterator[RawImage]:
    """Yield the images of a dataset (rows, columns) or (images, rows, columns), one at a time."""
    shape = plain_shape(dataset.shape, dataset.dtype.itemsize, origin)
    leading = next(k for k in range(dataset.ndim) if dataset.shape[k:][: len(shape)] == shape)
    head = (0,) * leading
    tail = (0,) * (dataset.ndim - leading - len(shape))
    if is_coloured(shape):
        whole = dataset[(*head, ..., *tail)]
        yield RawImage(grey_from_channels(whole, origin), pixel_size_A, metadata)
    elif len(shape) == 2:
        yield RawImage(dataset[(*head, slice(None), slice(None), *tail)], pixel_size_A, metadata)
    else:
        for k in range(shape[0]):
            image = dataset[(*head, k, slice(None), slice(None), *tail)]
            yield RawImage(image, pixel_size_A, metadata)


def text(value: Any) -> str:
    """Return a string stored as bytes, as an array of bytes padded with zeros, or as such."""
    if isinstance(value, h5py.Dataset):
        if value.dtype.kind in "ui" and value.size > LONGEST_TEXT:
            raise UnreadableFileError(
                f"{value.size} bytes of metadata.", remedy="Strip the file's metadata."
            )
        value = value[()]
    if isinstance(value, np.ndarray):
        value = value.tobytes() if value.dtype.kind in "uiS" else value.ravel()[0]
    if isinstance(value, bytes):
        value = value.split(b"\0", 1)[0].decode("utf-8", "replace")
    return str(value)


def json_tree(value: Any) -> dict[str, Any]:
    """Return stored JSON as a tree; empty where it is none."""
    stored = text(value)
    if len(stored) > LONGEST_TEXT:
        return {}
    try:
        tree = json.loads(stored)
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}


def number(value: Any) -> float | None:
    """Return a finite number stored as such or as text; None for anything else."""
    try:
        result = float(np.asarray(value).ravel()[0])
    except (TypeError, ValueError, IndexError):
        return None
    return result if np.isfinite(result) else None
