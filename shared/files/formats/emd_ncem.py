"""EMD files of the NCEM definition: groups marked `emd_group_type`, axes as `dim1`, `dim2` ..."""

from __future__ import annotations

from collections.abc import Iterator

import h5py

from shared.files.formats.hdf5_access import datasets, number, stack, text
from shared.files.lengths import length_A, square_pixel_A
from shared.files.record import ImageMetadata, RawImage

__all__ = ["images"]


def images(file: h5py.File, origin: str) -> Iterator[RawImage] | None:
    """Return the images of an NCEM EMD file, or None where it is no such file."""
    for node in datasets(file):
        group = node.parent
        if "emd_group_type" in group.attrs and node.name.endswith("/data") and node.ndim > 1:
            return stack(node, origin, _pixel_size_A(group, node.ndim), ImageMetadata())
    return None


def _pixel_size_A(group: h5py.Group, axes: int) -> float | None:
    """Return the edge of a pixel from the last two axes, Å."""
    rows, columns = (_step_A(group.get(f"dim{axis}")) for axis in (axes - 1, axes))
    return square_pixel_A(rows, columns)


def _step_A(dim: h5py.Dataset | None) -> float | None:
    """Return the spacing of an axis, given as positions or as its first two, Å."""
    if dim is None or dim.ndim != 1 or dim.size < 2:
        return None
    first, second = (number(dim[k]) for k in (0, 1))
    if first is None or second is None:
        return None
    return length_A(second - first, text(dim.attrs.get("units", "")))
