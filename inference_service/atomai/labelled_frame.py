"""A frame with a class for every pixel, and the file it is kept in.

The file is an `.npz` without pickled objects: `image` (rows, columns) float32, `mask` of the same
shape, uint8 class numbers with the background as the last, `xy_px` (n, 2) column and row,
`atom_class` (n,), `intensity` (n,), `pixel_size_A` and `classes`, the elements in order.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from shared.errors import UnreadableFileError

__all__ = ["LabelledFrame", "found_files", "load_labelled", "painted", "save_labelled"]


@dataclass(frozen=True)
class LabelledFrame:
    """An image and what is where."""

    image: NDArray[np.float32]
    """(rows, columns), in the detector's unit."""
    mask: NDArray[np.uint8]
    """(rows, columns) class numbers; `len(classes)` is the background."""
    xy_px: NDArray[np.float64]
    """(n, 2) column, row."""
    atom_class: NDArray[np.int64]
    """(n,) number of each atom's class."""
    intensity: NDArray[np.float64]
    """(n,) what the class was read from; 1 is the frame's typical atom."""
    pixel_size_A: float
    classes: tuple[str, ...]


def painted(
    shape: tuple[int, ...],
    xy_px: NDArray[np.float64],
    atom_class: NDArray[np.int64],
    radius_px: float,
    background: int,
) -> NDArray[np.uint8]:
    """Paint a disc per atom; where two overlap, each pixel goes to the nearer one.

    Args:
        shape: Rows and columns.
        xy_px: (n, 2) column, row; discs centre on them to a fraction of a pixel.
        atom_class: (n,) class numbers.
        radius_px: Of the discs.
        background: Class number of the rest.
    """
    mask = np.full(shape, background, dtype=np.uint8)
    if len(xy_px) == 0:
        return mask
    rows, cols = np.indices(shape)
    pixels = np.stack([cols.ravel(), rows.ravel()], axis=1)
    distance, atom = cKDTree(xy_px).query(pixels, distance_upper_bound=radius_px)
    near = np.isfinite(distance)
    mask.ravel()[near] = atom_class[atom[near]]
    return mask


def save_labelled(path: Path, frame: LabelledFrame) -> None:
    """Write a labelled frame."""
    np.savez_compressed(
        path,
        image=frame.image,
        mask=frame.mask,
        xy_px=frame.xy_px,
        atom_class=frame.atom_class,
        intensity=frame.intensity,
        pixel_size_A=frame.pixel_size_A,
        classes=np.array(frame.classes),
    )


def load_labelled(path: Path) -> LabelledFrame:
    """Read a labelled frame.

    Raises:
        UnreadableFileError: The file is no labelled frame.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            frame = LabelledFrame(
                image=archive["image"].astype(np.float32),
                mask=archive["mask"].astype(np.uint8),
                xy_px=archive["xy_px"].astype(np.float64),
                atom_class=archive["atom_class"].astype(np.int64),
                intensity=archive["intensity"].astype(np.float64),
                pixel_size_A=float(archive["pixel_size_A"]),
                classes=tuple(map(str, archive["classes"])),
            )
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UnreadableFileError(
            f"{path} is no labelled frame: {error}.",
            remedy="Name files that inference-service label wrote.",
        ) from error
    _check(path, frame)
    return frame


def found_files(places: Sequence[Path]) -> list[Path]:
    """Return the labelled files among `places`, folders searched, in order of name."""
    files: list[Path] = []
    for place in places:
        files += sorted(place.glob("*.npz")) if place.is_dir() else [place]
    return files


def _check(path: Path, frame: LabelledFrame) -> None:
    """Refuse a frame whose parts do not fit together."""
    wrong = None
    if frame.image.ndim != 2 or frame.image.shape != frame.mask.shape:
        wrong = f"the mask is {frame.mask.shape} and the image {frame.image.shape}"
    elif not np.isfinite(frame.image).all():
        wrong = "the image is not finite"
    elif int(frame.mask.max()) > len(frame.classes):
        wrong = f"the mask names class {int(frame.mask.max())} of {len(frame.classes)}"
    if wrong:
        raise UnreadableFileError(
            f"{path}: {wrong}.", remedy="Label the frame again: inference-service label."
        )
