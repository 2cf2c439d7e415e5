"""TIFF images and stacks, by tifffile: ImageJ, OME, Thermo Fisher and plain calibrations.

A plain resolution tag is nearly always a printer's (72 dpi): it counts only where it gives a
pixel below 100 Å.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import tifffile

from shared.files.lengths import length_A, square_pixel_A
from shared.files.limits import check_image_shape
from shared.files.pixels import grey_from_channels, is_coloured
from shared.files.record import ImageMetadata, RawImage

__all__ = ["read"]

RESOLUTION_UNITS: Final[Mapping[int, str]] = {2: "inch", 3: "cm", 4: "mm", 5: "um"}
"""Values of TIFF's ResolutionUnit tag (4 and 5: Adobe's extension)."""

INCH_A: Final = 2.54e8


def read(path: Path) -> Iterator[RawImage]:
    """Yield the pages of a TIFF file in order.

    Raises:
        UnreadableFileError: Truncated, too large, or in colour.
    """
    with tifffile.TiffFile(path) as file:
        pixel_size = _pixel_size_A(file)
        metadata = _metadata(file)
        for page in _pages(file):
            check_image_shape(page.shape, page.dtype.itemsize if page.dtype else 8, path.name)
            array = page.asarray()
            if array.ndim == 3 and is_coloured(array.shape):
                array = grey_from_channels(array, path.name)
            yield RawImage(array, pixel_size, metadata)


def _pages(file: tifffile.TiffFile) -> Iterator[tifffile.TiffPage]:
    """Yield the full-size pages, without thumbnails."""
    first = file.pages.first
    for page in file.pages:
        if page.shape == first.shape:
            yield page


def _pixel_size_A(file: tifffile.TiffFile) -> float | None:
    """Return the edge of a pixel by the first convention that gives one, Å."""
    sources: tuple[Callable[[tifffile.TiffFile], float | None], ...] = (_fei_A, _ome_A, _imagej_A)
    for source in (*sources, _resolution_A):
        size = source(file)
        if size is not None:
            return size
    return None


def _fei_A(file: tifffile.TiffFile) -> float | None:
    """Return the pixel size of a Thermo Fisher (FEI) header, stored in metres."""
    scan = (file.fei_metadata or {}).get("Scan", {})
    sides = (scan.get("PixelHeight"), scan.get("PixelWidth"))
    rows, columns = (length_A(s, "m") if isinstance(s, float) else None for s in sides)
    return square_pixel_A(rows, columns)


def _ome_A(file: tifffile.TiffFile) -> float | None:
    """Return the physical pixel size of an OME header (default unit µm)."""
    if not file.ome_metadata:
        return None
    root = ET.fromstring(file.ome_metadata)  # noqa: S314 - expat in the limited reader process
    pixels = next((node for node in root.iter() if node.tag.endswith("}Pixels")), None)
    if pixels is None:
        return None
    rows, columns = (
        length_A(float(pixels.get(f"PhysicalSize{axis}", "nan")), unit)
        for axis in "YX"
        for unit in (pixels.get(f"PhysicalSize{axis}Unit", "µm"),)
    )
    return square_pixel_A(rows, columns)


def _imagej_A(file: tifffile.TiffFile) -> float | None:
    """Return the pixel size of an ImageJ header: resolution in pixels per named unit."""
    unit = str((file.imagej_metadata or {}).get("unit", ""))
    rows, columns = (length_A(1.0 / r, unit) if r else None for r in _resolutions(file))
    return square_pixel_A(rows, columns)


def _resolution_A(file: tifffile.TiffFile) -> float | None:
    """Return the pixel size of plain resolution tags."""
    tag = file.pages.first.tags.get("ResolutionUnit")
    unit = RESOLUTION_UNITS.get(int(tag.value) if tag else 0, "")
    factor = INCH_A if unit == "inch" else length_A(1.0, unit)
    if factor is None or file.imagej_metadata:
        return None
    rows, columns = (factor / r if r else None for r in _resolutions(file))
    return square_pixel_A(rows, columns)


def _resolutions(file: tifffile.TiffFile) -> tuple[float, float]:
    """Return the pixels per unit along (rows, columns); 0 where the tag is missing."""
    rows, columns = (file.pages.first.tags.get(f"{axis}Resolution") for axis in "YX")
    return (_ratio(rows.value) if rows else 0.0, _ratio(columns.value) if columns else 0.0)


def _ratio(value: Any) -> float:
    """Return a TIFF rational as a number."""
    top, bottom = value
    return float(top) / float(bottom) if bottom else 0.0


def _metadata(file: tifffile.TiffFile) -> ImageMetadata:
    """Return what a Thermo Fisher header says of the microscope."""
    header = file.fei_metadata or {}
    volts = header.get("Beam", {}).get("HV")
    dwell = header.get("Scan", {}).get("Dwelltime")
    detector = header.get("Detectors", {}).get("Name")
    return ImageMetadata(
        dwell_time_us=dwell * 1e6 if isinstance(dwell, float) else None,
        high_tension_kV=volts / 1e3 if isinstance(volts, float | int) else None,
        detector=str(detector) if detector else None,
    )
