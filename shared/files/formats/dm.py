"""DigitalMicrograph files (DM3, DM4), by Nion's Apache-licensed tag parser.

Only the parser is used: its own image loader asserts on unsigned bytes and drops units.
"""

from __future__ import annotations

import array
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from nionswift_plugin.DM_IO import parse_dm3

from shared.errors import UnreadableFileError
from shared.files.lengths import length_A, square_pixel_A
from shared.files.pixels import plain_shape
from shared.files.record import ImageMetadata, RawImage

__all__ = ["read"]

DTYPES: Final[Mapping[int, str]] = {
    1: "<i2", 2: "<f4", 6: "<u1", 7: "<i4", 9: "<i1", 10: "<u2", 11: "<u4", 12: "<f8", 14: "<u1",
}  # fmt: skip
"""DataType codes of real images; 3 and 13 are complex, 23 is colour."""


def read(path: Path) -> Iterator[RawImage]:
    """Yield the image of a DM file, or the images of a stack.

    A DM file begins with a thumbnail; the last image is the one that was recorded.

    Raises:
        UnreadableFileError: Too large, not an image, or of complex or colour values.
    """
    with path.open("rb") as file:
        tags = parse_dm3.dm_read_header(file)
    entry = tags["ImageList"][-1]
    data = entry["ImageData"]
    dtype = DTYPES.get(data["DataType"])
    if dtype is None:
        raise UnreadableFileError(
            f"{path.name} holds complex or colour values (type {data['DataType']}).",
            remedy="Export a real greyscale image.",
        )
    stored = tuple(reversed(data["Dimensions"]))
    shape = plain_shape(stored, np.dtype(dtype).itemsize, path.name)
    pixels = np.frombuffer(data["Data"], dtype=dtype)
    if pixels.size != math.prod(shape):
        raise UnreadableFileError(
            f"{path.name} is truncated: {pixels.size} of {math.prod(shape)} pixels.",
            remedy="Copy the file again once its writer has finished.",
        )
    size = _pixel_size_A(data.get("Calibrations", {}).get("Dimension", []))
    metadata = _metadata(entry.get("ImageTags", {}))
    for image in pixels.reshape(-1, *shape[-2:]):
        yield RawImage(image, size, metadata)


def _pixel_size_A(dimensions: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the edge of a pixel from the calibrations, fastest axis first, Å."""
    if len(dimensions) < 2:
        return None
    columns, rows = (
        length_A(float(d.get("Scale", 0.0)), _text(d.get("Units", ""))) for d in dimensions[:2]
    )
    return square_pixel_A(rows, columns)


def _text(value: str | array.array[int]) -> str:
    """Return a DM string, which is stored as UTF-16 or, by the parser, already decoded."""
    return value if isinstance(value, str) else value.tobytes().decode("utf-16-le")


def _metadata(tags: Mapping[str, Any]) -> ImageMetadata:
    """Return what DigiScan or Nion's SuperScan left in the tags."""
    scope = _group(tags, "Microscope Info")
    volts = _number(scope.get("Voltage")) or _number(_group(tags, "ImageScanned").get("EHT"))
    nion = _group(tags, "SuperScan")
    dwell = _number(_group(tags, "DigiScan").get("Sample Time"))
    current = _number(scope.get("Probe Current (nA)"))
    detector = _group(tags, "DataBar").get("Signal Name") or nion.get("ChannelName")
    name = scope.get("Name")
    return ImageMetadata(
        dwell_time_us=dwell or _number(nion.get("PixelTime(us)")),
        high_tension_kV=volts / 1e3 if volts else None,
        beam_current_pA=current * 1e3 if current else None,
        detector=_text(detector) if detector else None,
        instrument=_text(name) if name else None,
    )


def _group(tags: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a group of tags, empty where the file has none of that name."""
    group = tags.get(name)
    return group if isinstance(group, dict) else {}


def _number(value: Any) -> float | None:
    """Return a positive number, or None for anything else."""
    return float(value) if isinstance(value, int | float) and value > 0 else None
