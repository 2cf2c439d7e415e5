"""Detected against relaxed coordinates, atom by atom.

The root mean square after the best rigid motion is a property of the two structures. The paper's
percentage, the mean of |dx / x|, is not: it depends on where x begins. Both are given, the second
for several origins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from sim_dispatcher.paper.patch import Patch
from sim_dispatcher.structure import Cluster
from sim_dispatcher.structure.alignment import aligned
from sim_dispatcher.structure.cluster import Array

__all__ = ["CoordinateErrors", "compare_coordinates", "inner_rms_A"]

CSV_HEAD: Final = (
    "atom,element,x_detected_A,y_detected_A,sigma_A,x_relaxed_A,y_relaxed_A,z_relaxed_A,"
    "dx_A,dy_A,percent_x,percent_y"
)


@dataclass(frozen=True, eq=False)
class CoordinateErrors:
    """Two sets of coordinates of the same carbon atoms, in the paper's cube.

    Attributes:
        elements: Of each detected atom.
        detected_A: (n, 2) x, y as detected, Å.
        relaxed_A: (n, 2) x, y as relaxed, laid over the detected ones, Å.
        heights_A: (n,) z as relaxed, Å.
        sigma_A: (n,) the detector's one-axis standard errors, Å; NaN where unknown.
        origins_A: By name, the (2,) point that the percentage may be counted from, Å.
    """

    elements: tuple[str, ...]
    detected_A: Array
    relaxed_A: Array
    heights_A: Array
    sigma_A: Array
    origins_A: dict[str, Array]

    @property
    def away_A(self) -> Array:
        """(n, 2) relaxed minus detected, Å."""
        return self.relaxed_A - self.detected_A

    @property
    def rms_A(self) -> float:
        """One-axis root mean square, Å."""
        return float(np.sqrt(np.mean(self.away_A**2)))

    @property
    def expected_A(self) -> float:
        """What the detector's standard errors let expect, one axis, Å; NaN where unknown."""
        return float(np.sqrt(np.mean(self.sigma_A**2)))

    @property
    def largest_A(self) -> float:
        """The farthest that any atom moved in the plane, Å."""
        return float(np.hypot(*self.away_A.T).max())

    def percent(self, origin: str) -> tuple[float, float]:
        """Return the mean of |dx / x| and of |dy / y|, x 100, counted from an origin."""
        x, y = np.mean(self._percents(origin), axis=0)
        return float(x), float(y)

    def csv(self, origin: str) -> str:
        """Return every atom's coordinates and errors as comma-separated text."""
        return "\n".join([CSV_HEAD, *self._lines(origin)]) + "\n"

    def _percents(self, origin: str) -> Array:
        percents: Array = 100 * np.abs(self.away_A / (self.relaxed_A - self.origins_A[origin]))
        return percents

    def _lines(self, origin: str) -> Iterator[str]:
        columns = np.column_stack(
            [
                self.detected_A,
                self.sigma_A,
                self.relaxed_A,
                self.heights_A,
                self.away_A,
                self._percents(origin),
            ]
        )
        for k, (element, row) in enumerate(zip(self.elements, columns, strict=True)):
            yield ",".join([str(k), element, *(f"{value:.4f}" for value in row)])


def compare_coordinates(patch: Patch, relaxed: Cluster) -> CoordinateErrors:
    """Lay the relaxed patch over the detected one.

    Args:
        patch: As cut.
        relaxed: The same atoms in the same order.
    """
    cut = patch.cluster
    seen = np.flatnonzero(np.asarray(cut.source) >= 0)
    there = cut.positions_A[seen, :2]
    sigma = np.full(len(cut), np.nan) if cut.sigma_A is None else cut.sigma_A
    return CoordinateErrors(
        elements=tuple(cut.symbols[i] for i in seen),
        detected_A=there,
        relaxed_A=aligned(relaxed.positions_A[seen, :2], there),
        heights_A=relaxed.positions_A[seen, 2],
        sigma_A=sigma[seen],
        origins_A={
            "corner of the cube": np.zeros(2),
            "corner of the frame": -np.asarray(cut.origin_A),
            "middle of the patch": there.mean(axis=0),
        },
    )


def inner_rms_A(patch: Patch, relaxed: Cluster) -> float:
    """Return how far the atoms inside a held perimeter moved in the plane, one axis, RMS, Å."""
    inside = patch.cluster.indices("interior")
    away = relaxed.positions_A[inside, :2] - patch.cluster.positions_A[inside, :2]
    return float(np.sqrt(np.mean(away**2)))
