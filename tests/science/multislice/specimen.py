"""A specimen in a periodic box: every atom, what is asked of it, and what covers the sheet.

Å throughout; x to the right, y down the frame, z along the beam with the sheet near 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy.ndimage import binary_closing
from scipy.spatial import cKDTree

from .arrays import Bools, Floats, Ints
from .topology import Sheet

SHEET, ADATOM, CONTAMINATION, SECOND_LAYER, BULK = range(5)
RASTER_A = 0.2
COVER_REACH_A = 1.4
GAP_CELLS = 7
"""Gaps in the cover narrower than twice this many cells of the raster close."""
HIDDEN_BELOW_ADATOM_A = 0.9
SEAM_A = 1.1


@dataclass(frozen=True)
class Mark:
    """A defect by name: one point, or a path of points, (k, 2) Å."""

    type: str
    path_A: Floats


@dataclass(frozen=True)
class Specimen:
    """All atoms of one periodic box.

    Attributes:
        box_A: Side of the square box.
        positions_A: (n, 3).
        numbers: Atomic numbers (n,).
        roles: SHEET, ADATOM, CONTAMINATION, SECOND_LAYER or BULK of each atom (n,).
        displaced_A: Random displacement that was applied to each atom (n, 2).
        marks: Named defects.
        hole: Raster of RASTER_A, indexed [y, x]: outside the sheet.
    """

    box_A: float
    positions_A: Floats
    numbers: Ints
    roles: Ints
    displaced_A: Floats
    marks: tuple[Mark, ...]
    hole: Bools = field(default_factory=lambda: np.zeros((0, 0), bool))

    @cached_property
    def covered(self) -> Bools:
        """Raster of RASTER_A, [y, x]: under contamination or a second layer."""
        above = self.positions_A[np.isin(self.roles, (CONTAMINATION, SECOND_LAYER)), :2]
        near = _near(above, self.box_A, COVER_REACH_A)
        pad = 2 * GAP_CELLS
        closed = binary_closing(np.pad(near, pad, mode="wrap"), iterations=GAP_CELLS)
        return np.asarray(closed[pad:-pad, pad:-pad])

    @property
    def asked(self) -> Bools:
        """Sheet atoms that nothing hides (n,)."""
        xy = self.positions_A[:, :2]
        sheet = (self.roles == SHEET) & ~sample(self.covered, xy)
        adatoms = xy[self.roles == ADATOM]
        if len(adatoms):
            sheet &= cKDTree(adatoms).query(xy)[0] > HIDDEN_BELOW_ADATOM_A
        return np.asarray(sheet)

    @classmethod
    def of(cls, sheet: Sheet, marks: tuple[Mark, ...] = ()) -> Specimen:
        """Take a relaxed sheet without atoms that collide across the periodic seam."""
        kept = _clear_of_seam(sheet.positions_A, sheet.box_A)
        n = int(kept.sum())
        return cls(
            box_A=sheet.box_A,
            positions_A=sheet.positions_A[kept],
            numbers=sheet.numbers[kept],
            roles=np.full(n, SHEET),
            displaced_A=np.zeros((n, 2)),
            marks=marks,
            hole=sheet.hole,
        )

    def displaced(self, sd_A: float, rng: np.random.Generator) -> Specimen:
        """Move each sheet atom at random in the plane, `sd_A` along each axis."""
        step = rng.normal(0.0, sd_A, (len(self.numbers), 2)) * (self.roles == SHEET)[:, None]
        moved = self.positions_A.copy()
        moved[:, :2] += step
        return replace(self, positions_A=moved, displaced_A=self.displaced_A + step)

    def tilted(self, angle_deg: float, azimuth_rad: float) -> Specimen:
        """Tilt about an axis through the middle of the box; in-plane lengths shorten."""
        tilt = np.deg2rad(angle_deg)
        across = np.array([-np.sin(azimuth_rad), np.cos(azimuth_rad)])
        middle = self.box_A / 2

        def project(positions_A: Floats) -> Floats:
            along = (positions_A[:, :2] - middle) @ across
            height = positions_A[:, 2]
            shift = along * (np.cos(tilt) - 1.0) - height * np.sin(tilt)
            z = along * np.sin(tilt) + height * np.cos(tilt)
            return np.column_stack([positions_A[:, :2] + shift[:, None] * across, z])

        tilted = project(self.positions_A)
        before = self.positions_A.copy()
        before[:, :2] -= self.displaced_A
        moved = tilted[:, :2] - project(before)[:, :2]
        marks = tuple(
            Mark(m.type, project(np.column_stack([m.path_A, np.zeros(len(m.path_A))]))[:, :2])
            for m in self.marks
        )
        return replace(self, positions_A=tilted, displaced_A=moved, marks=marks)

    def with_atoms(self, positions_A: Floats, numbers: Ints | int, role: int) -> Specimen:
        """Add atoms that are not of the sheet, (k, 3)."""
        count = len(positions_A)
        return replace(
            self,
            positions_A=np.concatenate([self.positions_A, positions_A]),
            numbers=np.concatenate([self.numbers, np.broadcast_to(numbers, count)]),
            roles=np.concatenate([self.roles, np.full(count, role)]),
            displaced_A=np.concatenate([self.displaced_A, np.zeros((count, 2))]),
        )

    def with_marks(self, *marks: Mark) -> Specimen:
        """Name more defects."""
        return replace(self, marks=self.marks + marks)


def sample(raster: Bools, xy_A: Floats) -> Bools:
    """Look a raster up at points (…, 2) Å; outside it repeats."""
    if not raster.size:
        return np.zeros(xy_A.shape[:-1], bool)
    cell = np.floor(xy_A / RASTER_A).astype(int)
    return np.asarray(raster[cell[..., 1] % raster.shape[0], cell[..., 0] % raster.shape[1]])


def raster_points(box_A: float) -> Floats:
    """Middles of the raster's cells as (x, y), (rows, columns, 2) Å."""
    axis = (np.arange(round(box_A / RASTER_A)) + 0.5) * RASTER_A
    return np.stack(np.meshgrid(axis, axis), axis=-1)


def _near(xy_A: Floats, box_A: float, reach_A: float) -> Bools:
    points = raster_points(box_A)
    if not len(xy_A):
        return np.zeros(points.shape[:2], bool)
    return np.asarray(cKDTree(xy_A % box_A, boxsize=box_A).query(points % box_A)[0] < reach_A)


def _clear_of_seam(positions_A: Floats, box_A: float) -> Bools:
    inside: Bools = np.asarray(
        ((positions_A[:, :2] >= 0) & (positions_A[:, :2] < box_A)).all(axis=1)
    )
    kept: Bools = inside.copy()
    index = np.flatnonzero(inside)
    tree = cKDTree(positions_A[index, :2], boxsize=box_A)
    for i, j in tree.query_pairs(SEAM_A):
        apart = np.abs(positions_A[index[i], :2] - positions_A[index[j], :2]).max()
        if apart > box_A / 2:
            kept[index[j]] = False
    return np.asarray(kept)
