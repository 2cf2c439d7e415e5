"""A simulated frame with its truth, at the sampling the network sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.signal import fftconvolve

from inference_service.detector.heads import STRIDE_PX
from inference_service.detector.normalise import CANONICAL_PIXEL_A
from inference_service.detector.resample import Grid, resample
from inference_service.training.conditions import USUAL, WIDE, Conditions
from inference_service.training.exposure import Exposure, expose, random_exposure
from inference_service.training.probe import GRID_A, random_probe
from inference_service.training.scan import Scan, random_scan
from inference_service.training.specimen import Family, Specimen, build_specimen

__all__ = [
    "MASK_CELL_PX",
    "USUAL_PIXEL_A",
    "LabelledFrame",
    "NativeFrame",
    "native_frame",
    "random_pixel_A",
    "training_frame",
]

MASK_CELL_PX = 4
"""Edge of the cells of a native frame's masks, px."""
_PAD_A = 6.4
USUAL_PIXEL_A = 0.104
"""Sampling at which much of the published graphene was scanned."""
_SHADOW_A = 0.8
_SHEET_DENSITY = 0.382


@dataclass(frozen=True)
class NativeFrame:
    """A frame as a microscope would save it.

    Attributes:
        image: (side, side) stored values.
        pixel_A: sampling.
        xy_px: (n, 2) column and row of every atom, pixel centres at integers.
        number: (n,) atomic numbers.
        labelled: (n,) False for atoms that nobody could be asked to find.
        cover: (side / cell_px, side / cell_px) True where contamination or a second layer lies.
        vacuum: same shape, True inside holes.
        counts_per_carbon: detected electrons per carbon atom.
        cell_px: edge of the masks' cells.
    """

    image: NDArray[np.float32]
    pixel_A: float
    xy_px: NDArray[np.float64]
    number: NDArray[np.int64]
    labelled: NDArray[np.bool_]
    cover: NDArray[np.bool_]
    vacuum: NDArray[np.bool_]
    counts_per_carbon: float
    cell_px: int = MASK_CELL_PX


LabelledFrame = NativeFrame
"""The same record after resampling to the canonical sampling, masks in the cells of the heads."""


def random_pixel_A(rng: Generator) -> float:
    """Draw a native sampling: often a usual one, else 0.04 to 0.20 Å."""
    if rng.random() < 0.35:
        return USUAL_PIXEL_A
    return float(np.exp(rng.uniform(np.log(0.04), np.log(0.20))))


def native_frame(
    rng: Generator,
    family: Family,
    side: int,
    pixel_A: float,
    counts_per_carbon: float | None = None,
    conditions: Conditions = USUAL,
) -> NativeFrame:
    """Simulate one frame at its native sampling.

    Args:
        rng: source of chance.
        family: what the specimen is.
        side: rows and columns.
        pixel_A: sampling.
        counts_per_carbon: fixes the dose; drawn where None.
        conditions: limits of what is drawn.

    Returns:
        The frame and its truth.
    """
    size_A = side * pixel_A
    specimen = build_specimen(rng, family, size_A, conditions)
    scan = random_scan(rng, side, pixel_A)
    density = _ideal_image(rng, specimen, size_A, conditions.widest_A)
    x, y = scan.beam()
    coordinates = (np.stack([y, x]) + _PAD_A) / GRID_A
    seen = map_coordinates(density, coordinates, order=1, mode="nearest")
    drawn = random_exposure(rng)
    exposure = _with_dose(drawn, counts_per_carbon)
    image = expose(seen, pixel_A, exposure, rng)
    cover, vacuum = _region_masks(specimen, scan)
    return NativeFrame(
        image=image,
        pixel_A=pixel_A,
        xy_px=scan.image_positions(specimen.xy),
        number=specimen.number,
        labelled=specimen.labelled & ~_in_shadow(specimen),
        cover=cover,
        vacuum=vacuum,
        counts_per_carbon=exposure.counts_per_carbon,
    )


def training_frame(
    rng: Generator, family: Family, side: int, conditions: Conditions = WIDE
) -> LabelledFrame:
    """Simulate one frame and bring it to the canonical sampling.

    Args:
        rng: source of chance.
        family: what the specimen is.
        side: rows and columns of the result, a multiple of 4.
        conditions: limits of what is drawn.

    Returns:
        The frame, its positions in canonical pixels.
    """
    pixel_A = random_pixel_A(rng)
    ratio = CANONICAL_PIXEL_A / pixel_A
    native_side = int(np.ceil(side * ratio)) + 1
    frame = native_frame(rng, family, native_side, pixel_A, conditions=conditions)
    grid = Grid(ratio)
    image = resample(frame.image, grid)
    cells = side // STRIDE_PX
    cell_ratio = ratio * STRIDE_PX / MASK_CELL_PX
    return LabelledFrame(
        image=image[:side, :side],
        pixel_A=CANONICAL_PIXEL_A,
        xy_px=grid.to_new(frame.xy_px),
        number=frame.number,
        labelled=frame.labelled,
        cover=_stretched(frame.cover, cell_ratio, cells),
        vacuum=_stretched(frame.vacuum, cell_ratio, cells),
        counts_per_carbon=frame.counts_per_carbon,
        cell_px=STRIDE_PX,
    )


def _with_dose(drawn: Exposure, counts: float | None) -> Exposure:
    """Fix the dose of an exposure where one is given."""
    if counts is None:
        return drawn
    return Exposure(counts, background=drawn.background, afterglow=drawn.afterglow)


def _ideal_image(
    rng: Generator, specimen: Specimen, size_A: float, widest_A: float
) -> NDArray[np.float32]:
    """Convolve the atoms with the probe on a fine grid that reaches past the field."""
    side = int(np.ceil((size_A + 2 * _PAD_A) / GRID_A))
    exponent = rng.uniform(1.4, 1.85)
    power = (specimen.number / 6.0) ** exponent
    comb = _deposit((specimen.xy + _PAD_A) / GRID_A, power, side)
    density = fftconvolve(comb, random_probe(rng, widest_A), mode="same") / GRID_A**2
    if rng.random() < 0.5:
        density += rng.uniform(0, 0.3) * _SHEET_DENSITY * _slow_field(rng, side)
    return np.asarray(np.maximum(density, 0), dtype=np.float32)


def _deposit(
    place: NDArray[np.float64], weight: NDArray[np.float64], side: int
) -> NDArray[np.float32]:
    """Share each atom among its four nearest grid samples, which keeps its centroid exact."""
    comb = np.zeros(side * side, dtype=np.float64)
    base = np.floor(place).astype(np.int64)
    part = place - base
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = base[:, 0] + dx, base[:, 1] + dy
            inside = (column >= 0) & (row >= 0) & (column < side) & (row < side)
            share = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1]) * weight
            flat = row[inside] * side + column[inside]
            comb += np.bincount(flat, share[inside], side * side)
    return comb.reshape(side, side).astype(np.float32)


def _slow_field(rng: Generator, side: int) -> NDArray[np.float32]:
    """Return a positive field that varies over tens of Å, a sum of products of two waves."""
    axis = np.linspace(0, 2 * np.pi, side, dtype=np.float32)
    field = np.ones((side, side), dtype=np.float32)
    for _ in range(3):
        first, second = (
            np.sin(axis * np.float32(rng.uniform(-2, 2)) + np.float32(rng.uniform(0, 2 * np.pi)))
            for _ in range(2)
        )
        field += np.float32(rng.uniform(0, 0.3)) * np.multiply.outer(first, second)
    return field


def _in_shadow(specimen: Specimen) -> NDArray[np.bool_]:
    """Tell which atoms lie under a brighter one within 0.8 Å and cannot be seen."""
    hidden = np.zeros(len(specimen.xy), dtype=np.bool_)
    for bright in np.flatnonzero(specimen.number > 8):
        away = np.hypot(*(specimen.xy - specimen.xy[bright]).T)
        dimmer = specimen.number < specimen.number[bright]
        hidden |= (away < _SHADOW_A) & dimmer
    return hidden


def _region_masks(specimen: Specimen, scan: Scan) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rasterise covered regions and holes on cells of ``MASK_CELL_PX``."""
    index = np.arange(scan.side // MASK_CELL_PX) * MASK_CELL_PX + (MASK_CELL_PX - 1) / 2
    column, row = np.meshgrid(index, index)
    x, y = scan.smooth(column.ravel(), row.ravel())
    points = np.column_stack([x, y])
    cover = np.zeros(len(points), dtype=np.bool_)
    for blob in specimen.cover:
        cover |= blob.inside(points)
    hole = np.zeros(len(points), dtype=np.bool_)
    for blob in specimen.holes:
        hole |= blob.inside(points)
    shape = (len(index), len(index))
    return cover.reshape(shape), (hole & ~cover).reshape(shape)


def _stretched(mask: NDArray[np.bool_], ratio: float, cells: int) -> NDArray[np.bool_]:
    """Carry a mask of cells to the canonical sampling by its nearest cell."""
    index = np.clip(((np.arange(cells) + 0.5) * ratio).astype(int), 0, len(mask) - 1)
    return mask[np.ix_(index, index)]
