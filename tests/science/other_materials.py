"""Frames of what the detector was not made for: crystals in projection, amorphous matter, nothing.

The columns of a few well-known crystals are projected along a zone axis and pass through the same
probe, scan and detector as the simulated graphene, so that only the specimen differs. Lattice
constants are room-temperature values from the Crystallography Open Database
(doi:10.1093/nar/gkr900). Å; x = column, y = row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.signal import fftconvolve

from inference_service.training.exposure import expose, random_exposure
from inference_service.training.probe import GRID_A, random_probe
from inference_service.training.regions import Blob, amorphous
from inference_service.training.scan import random_scan

__all__ = ["CRYSTALS", "SPECIMENS", "Crystal", "OtherFrame", "other_frame"]

PAD_A = 6.4
WIDEST_A = 1.5
"""How far atoms reach beyond the field."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Crystal:
    """One crystal in projection.

    Attributes:
        cell_A: (2, 2) rows are the projected lattice vectors.
        columns: fractional x and y, atomic number and atoms per layer of each column.
        layers: fewest and most repeats along the beam.
    """

    cell_A: tuple[tuple[float, float], tuple[float, float]]
    columns: tuple[tuple[float, float, int, int], ...]
    layers: tuple[int, int] = (1, 1)


def hexagonal(a_A: float, first: tuple[int, int], second: tuple[int, int]) -> Crystal:
    """Make a monolayer with two sublattices, each given as atomic number and atoms a column."""
    return Crystal(
        ((a_A, 0.0), (a_A / 2, a_A * np.sqrt(3) / 2)),
        ((1 / 3, 1 / 3, *first), (2 / 3, 2 / 3, *second)),
    )


def dumbbells(a_A: float, first: int, second: int) -> Crystal:
    """Make zincblende along [110]: pairs of columns a quarter of `a_A` apart."""
    columns = [(x + dx, x, z, 1) for x in (0.0, 0.5) for dx, z in ((0.0, first), (0.25, second))]
    return Crystal(((a_A, 0.0), (0.0, a_A / np.sqrt(2))), tuple(columns), (3, 20))


def perovskite(a_A: float, heavy: int, light: int) -> Crystal:
    """Make a cubic perovskite along [001]."""
    return Crystal(
        ((a_A, 0.0), (0.0, a_A)),
        ((0, 0, heavy, 1), (0.5, 0.5, light, 1), (0.5, 0.5, 8, 1), (0.5, 0, 8, 1), (0, 0.5, 8, 1)),
        (3, 20),
    )


CRYSTALS: Mapping[str, Crystal] = MappingProxyType(
    {
        "MoS2": hexagonal(3.160, (42, 1), (16, 2)),
        "WS2": hexagonal(3.153, (74, 1), (16, 2)),
        "MoSe2": hexagonal(3.289, (42, 1), (34, 2)),
        "hBN": hexagonal(2.504, (5, 1), (7, 1)),
        "SrTiO3": perovskite(3.905, 38, 22),
        "BaTiO3": perovskite(4.00, 56, 22),
        "CdTe": dumbbells(6.482, 48, 52),
        "Si": dumbbells(5.431, 14, 14),
        "GaAs": dumbbells(5.653, 31, 33),
        "Au110": Crystal(((4.078, 0.0), (0.0, 2.884)), ((0, 0, 79, 1), (0.5, 0.5, 79, 1)), (3, 15)),
        "Au111": Crystal(((1.665, 0.0), (0.8325, 1.4419)), ((0, 0, 79, 1),), (3, 15)),
    }
)
"""Every crystal by name."""

SPECIMENS: tuple[str, ...] = (*CRYSTALS, "amorphous", "atoms_on_carbon", "noise", "vacuum")
"""Everything `other_frame` can make."""


@dataclass(frozen=True)
class OtherFrame:
    """A frame without graphene.

    Attributes:
        image: (side, side) stored values.
        pixel_A: its true sampling.
        graphene_like_A: the sampling at which its lattice would have graphene's constant; the
            true one where it has no hexagonal lattice.
    """

    image: NDArray[np.float32]
    pixel_A: float
    graphene_like_A: float


def other_frame(rng: Generator, name: str, side: int, pixel_A: float, counts: float) -> OtherFrame:
    """Simulate one frame.

    Args:
        rng: source of chance.
        name: one of `SPECIMENS`.
        side: rows and columns.
        pixel_A: sampling.
        counts: electrons that one carbon atom would send to the detector at this dose.
    """
    exposure = replace(random_exposure(rng), counts_per_carbon=counts)
    size_A = side * pixel_A
    xy, weight = specimen(rng, name, size_A)
    density = image_of(xy, weight, random_probe(rng, WIDEST_A), size_A)
    if name in ("noise", "vacuum"):
        density += 0.382 if name == "noise" else 0.002
    x, y = random_scan(rng, side, pixel_A).beam()
    at = (np.stack([y, x]) + PAD_A) / GRID_A
    seen = map_coordinates(density, at, order=1, mode="nearest")
    crystal = CRYSTALS.get(name)
    factor = 1.0
    if crystal is not None and crystal.cell_A[1][0] > 0:
        factor = 2.4612 / crystal.cell_A[0][0]
    return OtherFrame(expose(seen, pixel_A, exposure, rng), pixel_A, pixel_A * factor)


def specimen(rng: Generator, name: str, size_A: float) -> tuple[FloatArray, FloatArray]:
    """Return the (n, 2) positions and (n,) scattering powers over carbon's of the atoms."""
    exponent = rng.uniform(1.5, 1.85)
    if name in CRYSTALS:
        return projected(rng, CRYSTALS[name], size_A, exponent)
    if name in ("noise", "vacuum"):
        return np.empty((0, 2)), np.empty(0)
    field = Blob(np.full(2, size_A / 2), size_A, np.zeros((6, 2)))
    xy = amorphous(rng, field, int(rng.integers(3, 12)))
    weight = np.ones(len(xy))
    if name == "atoms_on_carbon":
        heavy = rng.uniform(0, size_A, (rng.poisson(size_A**2 / 60), 2))
        xy = np.vstack([xy, heavy])
        weight = np.append(weight, np.full(len(heavy), (75 / 6) ** exponent))
    return xy, weight


def projected(
    rng: Generator, crystal: Crystal, size_A: float, exponent: float
) -> tuple[FloatArray, FloatArray]:
    """Lay a turned, slightly disordered crystal over the field."""
    cell = np.array(crystal.cell_A)
    reach = int(2 * size_A / np.sqrt(abs(np.linalg.det(cell)))) + 8
    i, j = np.meshgrid(*[np.arange(-reach, reach)] * 2, indexing="ij")
    corners = np.stack([i.ravel(), j.ravel()], axis=1)
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    layers = int(rng.integers(crystal.layers[0], crystal.layers[1] + 1))
    places, weights = [], []
    for x, y, z, atoms in crystal.columns:
        xy = (corners + np.array([x, y])) @ cell @ rotation + size_A / 2
        xy = xy[((xy > -PAD_A) & (xy < size_A + PAD_A)).all(axis=1)]
        places.append(xy + rng.normal(0, 0.03, xy.shape))
        weights.append(np.full(len(xy), atoms * layers * (z / 6.0) ** exponent))
    return np.vstack(places), np.concatenate(weights)


def image_of(
    xy: FloatArray, weight: FloatArray, probe: NDArray[np.float32], size_A: float
) -> NDArray[np.float64]:
    """Convolve atoms with the probe on the fine grid: scattering power per Å²."""
    side = int(np.ceil((size_A + 2 * PAD_A) / GRID_A))
    place = (xy + PAD_A) / GRID_A
    comb = np.zeros((side, side))
    base = np.floor(place).astype(np.intp)
    part = place - base
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = np.clip(base + np.array([dx, dy]), 0, side - 1).T
            share = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1])
            np.add.at(comb, (row, column), share * weight)
    image = fftconvolve(comb, probe, mode="same") / GRID_A**2
    return np.maximum(image, 0.0)
