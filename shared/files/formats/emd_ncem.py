"""EMD files of the NCEM definition: groups marked `emd_group_type`, axes as `dim1`, `dim2` ...

The definition leaves the order of the axes to their names. Some writers put x first, so that the
image lies transposed in the file; where the names say so it is turned back.
"""

from __future__ import annotations

from collections.abc import Iterator

import h5py

from shared.files.formats.hdf5_access import datasets, number, stack, text
from shared.files.lengths import length_A, square_pixel_A
from shared.files.pixels import plain_shape
from shared.files.record import ImageMetadata, RawImage

__all__ = ["images"]


def images(file: h5py.File, origin: str) -> Iterator[RawImage] | None:
    """Return the images of an NCEM EMD file, or None where it is no such file."""
    for node in datasets(file):
        group = node.parent
        if "emd_group_type" in group.attrs and node.name.endswith("/data") and node.ndim > 1:
            dims = [group.get(f"dim{axis + 1}") for axis in range(node.ndim)]
            if [_name(dim) for dim in dims[:2]] == ["x", "y"]:
                return _turned(node, dims, origin)
            size = square_pixel_A(_step_A(dims[-2]), _step_A(dims[-1]))
            return stack(node, origin, size, ImageMetadata())
    return None


def _turned(node: h5py.Dataset, dims: list[h5py.Dataset | None], origin: str) -> Iterator[RawImage]:
    """Yield the images of a dataset stored as (columns, rows) or (columns, rows, images)."""
    plain_shape(node.shape[::-1], node.dtype.itemsize, origin)
    size = square_pixel_A(_step_A(dims[1]), _step_A(dims[0]))
    if node.ndim == 2:
        yield RawImage(node[()].T, size)
        return
    for k in range(node.shape[2]):
        yield RawImage(node[:, :, k].T, size)


def _name(dim: h5py.Dataset | None) -> str:
    """Return an axis's name in lower case, empty where it has none."""
    return "" if dim is None else text(dim.attrs.get("name", "")).lower()


def _step_A(dim: h5py.Dataset | None) -> float | None:
    """Return the spacing of an axis, given as positions or as its first two, Å."""
    if dim is None or dim.ndim != 1 or dim.size < 2:
        return None
    first, second = (number(dim[k]) for k in (0, 1))
    if first is None or second is None:
        return None
    return length_A(second - first, text(dim.attrs.get("units", "")))
