"""Other materials, for telling graphene from what it is not: monolayers and thin crystals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import Floats
from .specimen import BULK, Specimen

BOX_A = 39.68
FIELD_A = 31.0
Basis = tuple[tuple[int, tuple[float, float, float]], ...]
FCC = ((0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))
QUARTER = 0.25


@dataclass(frozen=True)
class Crystal:
    """A crystal seen along a direction.

    Attributes:
        cell_A: Rows are the cell's vectors.
        basis: Atomic number and fractional place of each atom of the cell.
        beam: Direction of the beam in Cartesian coordinates of the cell.
        thickness_A: Along the beam; atoms with 0 <= z < thickness stay.
    """

    cell_A: Floats
    basis: Basis
    beam: tuple[int, int, int] = (0, 0, 1)
    thickness_A: float = 20.0

    def cut(self, rng: np.random.Generator) -> Specimen:
        """Fill the box at a random offset and angle."""
        reach = int(1.2 * (BOX_A + self.thickness_A) / np.abs(self.cell_A).max(axis=1).min())
        steps = np.arange(-reach, reach + 1)
        cells = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
        fractions = np.concatenate([cells + np.array(place) for _, place in self.basis])
        numbers = np.repeat([number for number, _ in self.basis], len(cells))
        xyz = fractions @ self.cell_A @ self._to_beam(rng.uniform(0, 2 * np.pi)).T
        xyz[:, :2] += BOX_A / 2 + rng.uniform(0, 4, 2)
        inside = ((xyz[:, :2] > 0.2) & (xyz[:, :2] < BOX_A - 0.2)).all(axis=1)
        inside &= (xyz[:, 2] > -0.01) & (xyz[:, 2] < self.thickness_A - 0.01)
        kept, count = xyz[inside], int(inside.sum())
        return Specimen(
            BOX_A, kept, numbers[inside], np.full(count, BULK), np.zeros((count, 2)), ()
        )

    def _to_beam(self, angle_rad: float) -> Floats:
        """Rotation that turns the beam's direction to z and then the frame by an angle."""
        z = np.array(self.beam) / np.linalg.norm(self.beam)
        x = np.cross([0.0, 1.0, 0.0] if abs(z[1]) < 0.5 else [0.0, 0.0, 1.0], z)
        x /= np.linalg.norm(x)
        axes = np.stack([x, np.cross(z, x), z])
        c, s = np.cos(angle_rad), np.sin(angle_rad)
        return np.asarray(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ axes)


def _hexagonal(a_A: float, basis: Basis) -> Crystal:
    cell = np.array([[a_A, 0, 0], [-a_A / 2, a_A * np.sqrt(3) / 2, 0], [0, 0, 30.0]])
    return Crystal(cell, basis, thickness_A=10.0)


def _dichalcogenide(a_A: float, metal: int, chalcogen: int, half_A: float) -> Crystal:
    z = 4.0 / 30.0
    return _hexagonal(
        a_A,
        (
            (metal, (0.0, 0.0, z)),
            (chalcogen, (1 / 3, 2 / 3, z - half_A / 30.0)),
            (chalcogen, (1 / 3, 2 / 3, z + half_A / 30.0)),
        ),
    )


def _zincblende(a_A: float, first: int, second: int) -> Crystal:
    sites = tuple((first, place) for place in FCC)
    sites += tuple((second, (x + QUARTER, y + QUARTER, z + QUARTER)) for x, y, z in FCC)
    return Crystal(a_A * np.eye(3), sites, (1, 1, 0))


# Lattice constants at room temperature, Å.
CRYSTALS: dict[str, Crystal] = {
    "other-MoS2": _dichalcogenide(3.16, 42, 16, 1.56),
    "other-WS2": _dichalcogenide(3.153, 74, 16, 1.57),
    "other-hBN": _hexagonal(2.504, ((5, (0.0, 0.0, 0.1)), (7, (1 / 3, 2 / 3, 0.1)))),
    "other-SrTiO3": Crystal(
        3.905 * np.eye(3),
        (
            (38, (0.0, 0.0, 0.0)),
            (22, (0.5, 0.5, 0.5)),
            (8, (0.5, 0.5, 0.0)),
            (8, (0.5, 0.0, 0.5)),
            (8, (0.0, 0.5, 0.5)),
        ),
    ),
    "other-Au110": Crystal(
        4.078 * np.eye(3), tuple((79, place) for place in FCC), (1, 1, 0), thickness_A=14.0
    ),
    "other-CdTe110": _zincblende(6.482, 48, 52),
    "other-Si110": _zincblende(5.431, 14, 14),
}
