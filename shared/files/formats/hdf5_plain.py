"""Plain HDF5, and the layout of AICrystallographer (Ziatdinov et al., doi:10.1021/acsnano.7b05503).

The latter keeps the image as `nn_input` (1, rows, columns, 1) or `image_data`, and a JSON
`metadata` (attribute or dataset). Its `scan size` is the width of the frame in pm, but some files
give it in nm; a scan of less than 100 pm would be smaller than an atom, so such numbers are nm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import h5py

from shared.files.formats.hdf5_access import datasets, json_tree, number, stack
from shared.files.lengths import length_A, square_pixel_A
from shared.files.pixels import plain_shape
from shared.files.record import ImageMetadata, RawImage

__all__ = ["images"]

NAMES: Final = ("nn_input", "image_data", "image", "data")
"""Names an image goes by, the likeliest first; otherwise the largest dataset is taken."""

PIXEL_SIZE: Final = "pixel_size_A"
"""Attribute of the image or of the file that gives the edge of a pixel in Å."""

NM_BELOW: Final = 100.0
"""A `scan size` below this is in nm."""


def images(file: h5py.File, origin: str) -> Iterator[RawImage] | None:
    """Return the images of a plain HDF5 file, or None where it holds none."""
    image = _find(file)
    if image is None:
        return None
    rows_columns = plain_shape(image.shape, image.dtype.itemsize, origin)[-2:]
    tree = _metadata_tree(file, image)
    size = _pixel_size_A(file, image, tree, rows_columns[1])
    return stack(image, origin, size, _metadata(tree))


def _find(file: h5py.File) -> h5py.Dataset | None:
    """Return the dataset that is most likely the image."""
    found = [node for node in datasets(file) if len([s for s in node.shape if s > 1]) >= 2]
    by_name = {node.name.rsplit("/", 1)[-1]: node for node in reversed(found)}
    named = next((by_name[name] for name in NAMES if name in by_name), None)
    return named if named is not None else max(found, key=lambda n: int(n.size), default=None)


def _metadata_tree(file: h5py.File, image: h5py.Dataset) -> dict[str, Any]:
    """Return the JSON metadata, whether an attribute or a dataset."""
    holders = (image.attrs, file.attrs, file)
    return next((json_tree(holder["metadata"]) for holder in holders if "metadata" in holder), {})


def _pixel_size_A(
    file: h5py.File, image: h5py.Dataset, tree: Mapping[str, Any], columns: int
) -> float | None:
    """Return the edge of a pixel in Å: given, from axes, or from the width of the scan."""
    given = number(image.attrs.get(PIXEL_SIZE, file.attrs.get(PIXEL_SIZE)))
    if given is not None:
        return square_pixel_A(given, given)
    holders: tuple[Mapping[str, Any], ...] = (image.attrs, file.attrs, tree)
    width = next((number(h["scan size"]) for h in holders if "scan size" in h), None)
    if width is not None:
        width_A = width * (10.0 if width < NM_BELOW else 0.01)
        return square_pixel_A(width_A / columns, width_A / columns)
    return _axes_A(image)


def _axes_A(image: h5py.Dataset) -> float | None:
    """Return the pixel size of HyperSpy's axis groups or Nion's calibrations beside the image."""
    axes = [image.parent[name].attrs for name in sorted(image.parent) if name.startswith("axis-")]
    calibrations: list[Mapping[str, Any]] = list(axes)
    properties = json_tree(image.attrs.get("properties", ""))
    calibrations += properties.get("dimensional_calibrations") or []
    lengths = [
        length_A(number(c.get("scale")) or 0.0, str(c.get("units", "")))
        for c in calibrations
        if "scale" in c
    ]
    known = [length for length in lengths if length is not None]
    return square_pixel_A(known[-2], known[-1]) if len(known) >= 2 else None


def _metadata(tree: Mapping[str, Any]) -> ImageMetadata:
    """Return the microscope's state from the JSON metadata."""
    state = tree.get("all microscope parameters")
    tags = {k.rsplit(".", 1)[-1]: v for k, v in state.items()} if isinstance(state, dict) else {}
    detector = tags.get("ChannelName") or tree.get("type of data")
    return ImageMetadata(
        dwell_time_us=number(tags.get("PixelTime(us)")),
        high_tension_kV=number(tree.get("acc voltage")),
        detector=str(detector) if detector else None,
    )
