"""A finished sample: a periodic cell of relaxed atoms and the defects that were put into it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.sources.specimen.view import Points, View, rotation

__all__ = ["Specimen", "TrueDefect", "Truth"]


@dataclass(frozen=True, slots=True)
class TrueDefect:
    """A defect that is really there.

    Attributes:
        type: One of the defect types of `shared.messages`.
        row: Centroid of its dopants or odd rings; Å in a `Specimen`, pixels in a `Truth`.
        column: Likewise.
    """

    type: str
    row: float
    column: float


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What a frame really shows.

    Attributes:
        positions_px: (n, 2) [row, column], pixel centres at integers.
        numbers: (n,) atomic numbers.
        defects: Positions in pixels.
    """

    positions_px: Points
    numbers: NDArray[np.uint8]
    defects: tuple[TrueDefect, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Specimen:
    """Atoms of one periodic cell, repeated without end in both directions.

    Attributes:
        positions_A: (n, 2) [row, column] in the cell, Å.
        numbers: (n,) atomic numbers.
        defects: Positions in Å, in the cell.
        period_A: Edges of the cell, Å: the sample repeats after that.
        orientation_rad: How the cell is turned on the stage.
    """

    positions_A: Points
    numbers: NDArray[np.uint8]
    defects: tuple[TrueDefect, ...]
    period_A: tuple[float, float]
    orientation_rad: float = 0.0

    def atoms(self, view: View, margin_A: float = 0.0) -> tuple[Points, NDArray[np.uint8]]:
        """Return positions in pixels, (n, 2) [row, column], and atomic numbers in a view.

        Args:
            view: The scanned area.
            margin_A: How far outside the frame atoms still count, Å.
        """
        points, which = self._in_view(self.positions_A, view, margin_A)
        return points, self.numbers[which]

    def truth(self, view: View) -> Truth:
        """Return everything that is really in a view. For tests; never sent anywhere."""
        points, numbers = self.atoms(view)
        centres = np.array([(d.row, d.column) for d in self.defects]).reshape(-1, 2)
        found, which = self._in_view(centres, view, 0.0)
        defects = (
            TrueDefect(self.defects[index].type, float(row), float(column))
            for index, (row, column) in zip(which, found, strict=True)
        )
        return Truth(points, numbers, tuple(defects))

    def _in_view(
        self, points_A: Points, view: View, margin_A: float
    ) -> tuple[Points, NDArray[np.int64]]:
        """Repeat points of the cell over a view; returns pixels and indices of the originals."""
        turn = rotation(self.orientation_rad)
        shifts = self._shifts(np.asarray(view.centre_A) @ turn, view.reach + margin_A)
        everywhere = (points_A[None] + shifts[:, None]).reshape(-1, 2) @ turn.T
        pixels = view.to_pixels(everywhere)
        margin = margin_A / view.pixel_size_A + 0.5
        inside = ((pixels > -margin) & (pixels < np.asarray(view.shape) - 1 + margin)).all(axis=1)
        return pixels[inside], np.flatnonzero(inside) % max(len(points_A), 1)

    def _shifts(self, centre_A: Points, reach_A: float) -> Points:
        """Return the (k, 2) multiples of the period that can reach into a disc, Å."""
        ranges = [
            np.arange(
                math.floor((centre - reach_A) / period), math.floor((centre + reach_A) / period) + 1
            )
            * period
            for centre, period in zip(centre_A, self.period_A, strict=True)
        ]
        return np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 2)
