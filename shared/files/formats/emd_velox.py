"""EMD files of Thermo Fisher's Velox: /Data/Image/<id>/Data (rows, columns, images).

The metadata is JSON, one zero-padded column of bytes per image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import h5py

from shared.errors import UnreadableFileError
from shared.files.formats.hdf5_access import datasets, json_tree, number
from shared.files.lengths import length_A, square_pixel_A
from shared.files.limits import MOST_IMAGES, check_image_shape
from shared.files.record import ImageMetadata, RawImage

__all__ = ["images"]


def images(file: h5py.File, origin: str) -> Iterator[RawImage] | None:
    """Return the images of a Velox file, or None where it is no such file.

    Raises:
        UnreadableFileError: A Velox file that holds no image.
    """
    if "Version" not in file or not isinstance(file.get("Data"), h5py.Group):
        return None
    group = file["Data"].get("Image")
    found = [node for node in datasets(group) if node.name.endswith("/Data")] if group else []
    if not found:
        raise UnreadableFileError(
            f"{origin} is a Velox file without images.", remedy="Give a file with STEM images."
        )
    return _all(found, origin)


def _all(found: list[h5py.Dataset], origin: str) -> Iterator[RawImage]:
    """Yield every image of every detector, detectors in the file's order."""
    for node in found:
        rows, columns, count = node.shape if node.ndim == 3 else (*node.shape, 1)
        check_image_shape((rows, columns), node.dtype.itemsize, origin)
        raw = node.parent.get("Metadata")
        tree = json_tree(raw[:, 0]) if raw is not None and raw.ndim == 2 else {}
        size, metadata = _pixel_size_A(tree), _metadata(tree)
        for k in range(min(count, MOST_IMAGES)):
            yield RawImage(node[..., k] if node.ndim == 3 else node[()], size, metadata)


def _pixel_size_A(tree: Mapping[str, Any]) -> float | None:
    """Return the edge of a pixel from the binary result's description, Å."""
    result = _branch(tree, "BinaryResult")
    sides = _branch(result, "PixelSize")
    unit_x, unit_y = (str(result.get(f"PixelUnit{axis}", "")) for axis in "XY")
    width, height = (number(sides.get(side)) for side in ("width", "height"))
    if width is None or height is None:
        return None
    return square_pixel_A(length_A(height, unit_y), length_A(width, unit_x))


def _metadata(tree: Mapping[str, Any]) -> ImageMetadata:
    """Return what Velox wrote of scan, optics and detector."""
    dwell = number(_branch(tree, "Scan").get("DwellTime"))
    volts = number(_branch(tree, "Optics").get("AccelerationVoltage"))
    detector = _branch(tree, "BinaryResult").get("Detector")
    name = _branch(tree, "Instrument").get("InstrumentModel")
    return ImageMetadata(
        dwell_time_us=dwell * 1e6 if dwell else None,
        high_tension_kV=volts / 1e3 if volts else None,
        detector=str(detector) if detector else None,
        instrument=str(name) if name else None,
    )


def _branch(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a branch of the tree, empty where there is none."""
    branch = tree.get(name)
    return branch if isinstance(branch, dict) else {}
