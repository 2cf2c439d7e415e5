"""What lies on or beside the sheet: amorphous contamination, adatoms, a second layer, strain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from .arrays import Bools, Floats
from .specimen import (
    ADATOM,
    CONTAMINATION,
    RASTER_A,
    SECOND_LAYER,
    SHEET,
    Mark,
    Specimen,
    raster_points,
    sample,
)
from .topology import CARBON, Sheet, honeycomb

DENSITY_per_A3 = 0.085
"""Of amorphous carbon at 1.7 g/cm³."""
APART_A = 1.45
OVERHANG_A = 3.5
"""How far contamination reaches over a hole; nothing floats in its middle."""
CONTAMINATION_Z_A = 3.0
LAYERS_A = 3.35
ADATOM_Z_A = 2.1


def blob(box_A: float, fraction: float, size_A: float, rng: np.random.Generator) -> Bools:
    """Irregular patches that fill about a fraction of the box: raster (rows, columns) of bool."""
    side = round(box_A / RASTER_A)
    smooth = gaussian_filter(rng.normal(size=(side, side)), size_A / RASTER_A, mode="wrap")
    return np.asarray(smooth > np.quantile(smooth, 1.0 - fraction))


def contaminate(
    specimen: Specimen, fraction: float, thickness_A: float, rng: np.random.Generator
) -> Specimen:
    """Put amorphous carbon with some H, O and Si on patches of the sheet, atom by atom."""
    patch = blob(specimen.box_A, fraction, 3.0, rng)
    rise = gaussian_filter(patch.astype(float), 1.5 / RASTER_A, mode="wrap")
    attempts = int(4 * DENSITY_per_A3 * specimen.box_A**2 * thickness_A)
    trial = rng.uniform(0, 1, (attempts, 3)) * (specimen.box_A, specimen.box_A, thickness_A)
    cell = np.floor(trial[:, :2] / RASTER_A).astype(int) % len(patch)
    kept = patch[cell[:, 1], cell[:, 0]] & (
        trial[:, 2] < thickness_A * rise[cell[:, 1], cell[:, 0]]
    )
    chosen = _apart(trial[kept])
    allowed = round(DENSITY_per_A3 * float((patch * rise).sum()) * RASTER_A**2 * thickness_A)
    chosen = chosen[:allowed]
    sheet = cKDTree(specimen.positions_A[specimen.roles == SHEET, :2])
    chosen = chosen[sheet.query(chosen[:, :2])[0] < OVERHANG_A]
    numbers = rng.choice([6, 1, 8, 14], len(chosen), p=[0.86, 0.06, 0.06, 0.02])
    return specimen.with_atoms(
        chosen + np.array([0.0, 0.0, CONTAMINATION_Z_A]), numbers, CONTAMINATION
    )


def _apart(trial_A: Floats) -> Floats:
    """Random sequential deposition: each atom keeps APART_A from all before it."""
    gone = np.zeros(len(trial_A), bool)
    for i, j in sorted(cKDTree(trial_A).query_pairs(APART_A)):
        if not gone[i]:
            gone[j] = True
    return trial_A[~gone]


def put_adatoms(
    specimen: Specimen, numbers: list[int], rng: np.random.Generator, margin_A: float = 6.0
) -> Specimen:
    """Put single heavy atoms on top of carbon atoms or bonds, away from each other."""
    flat = specimen.positions_A[specimen.roles == SHEET]
    placed: list[Floats] = []
    while len(placed) < len(numbers):
        middle = rng.uniform(margin_A, specimen.box_A - margin_A, 2)
        nearest = flat[np.argsort(np.linalg.norm(flat[:, :2] - middle, axis=1))[:2]]
        spot = nearest.mean(axis=0) if rng.random() < 0.5 else nearest[0]
        open_ground = np.linalg.norm(spot[:2] - middle) < 1.5
        if open_ground and all(np.linalg.norm(spot[:2] - p[:2]) > 4.0 for p in placed):
            placed.append(spot + np.array([0.0, 0.0, ADATOM_Z_A]))
    spots = np.array(placed)
    marks = [Mark("adatom", spot[None, :2]) for spot in spots]
    return specimen.with_atoms(spots, np.array(numbers), ADATOM).with_marks(*marks)


def add_second_layer(specimen: Specimen, fraction: float, rng: np.random.Generator) -> Specimen:
    """Lay patches of a second, twisted graphene sheet on the first."""
    patch = blob(specimen.box_A, fraction, 6.0, rng)
    second = Specimen.of(honeycomb(specimen.box_A, rng)).positions_A
    second = second[sample(patch, second[:, :2])] + np.array([0.0, 0.0, LAYERS_A])
    return specimen.with_atoms(second, CARBON, SECOND_LAYER)


def strained(sheet: Sheet, strain: float, ripple_A: float, rng: np.random.Generator) -> Sheet:
    """Bend a sheet smoothly: strain up to about `strain`, heights of about `ripple_A`."""
    xy = sheet.positions_A[:, :2]
    moved = sheet.positions_A.copy()
    for _ in range(3):
        wave = rng.normal(0.0, 1.0, 2)
        wave *= 2 * np.pi / (rng.uniform(20.0, 60.0) * np.linalg.norm(wave))
        phase = xy @ wave + rng.uniform(0, 2 * np.pi)
        direction = rng.normal(0.0, 1.0, 2)
        direction /= np.linalg.norm(direction)
        amplitude = strain / np.linalg.norm(wave) / 2
        moved[:, :2] += amplitude * np.sin(phase)[:, None] * direction
        moved[:, 2] += ripple_A / 2 * np.cos(phase)
    return replace(sheet, positions_A=moved)


def star(box_A: float, middle_A: Floats, radius_A: float, rng: np.random.Generator) -> Bools:
    """A star-shaped hole's raster: radius modulated by a few random harmonics."""
    offset = raster_points(box_A) - middle_A
    azimuth = np.arctan2(offset[..., 1], offset[..., 0])
    radius = np.full(azimuth.shape, radius_A)
    for m in range(2, 6):
        radius += radius_A * rng.normal(0.0, 0.12) * np.cos(m * azimuth + rng.uniform(0, 2 * np.pi))
    return np.hypot(offset[..., 0], offset[..., 1]) < radius
