"""Which part of the stage a frame shows, and where a point of the stage falls in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["View", "rotation"]

Points = NDArray[np.float64]


def rotation(angle_rad: float) -> Points:
    """Return the matrix that turns (row, column) vectors as a scan rotation turns its axes.

    With rows pointing down, a positive angle turns the axes clockwise on the screen, so that
    the picture turns anticlockwise: Nion's convention.
    """
    cosine, sine = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[cosine, -sine], [sine, cosine]])


@dataclass(frozen=True, slots=True)
class View:
    """The scanned area.

    Attributes:
        shape: (rows, columns).
        pixel_size_A: Edge of a pixel, Å.
        centre_A: (row, column) on the stage that falls on the middle of the frame, Å.
        rotation_rad: Scan rotation.
    """

    shape: tuple[int, int]
    pixel_size_A: float
    centre_A: tuple[float, float] = (0.0, 0.0)
    rotation_rad: float = 0.0

    @property
    def reach(self) -> float:
        """Distance from the centre to a corner, Å."""
        return math.hypot(*self.shape) * self.pixel_size_A / 2

    def to_pixels(self, points_A: Points) -> Points:
        """Return where points of the stage fall in the frame.

        Args:
            points_A: (n, 2) [row, column], Å.

        Returns:
            (n, 2) [row, column], pixels, centres at integers.
        """
        turned = (points_A - np.asarray(self.centre_A)) @ rotation(self.rotation_rad).T
        middle = (np.asarray(self.shape) - 1) / 2
        return np.asarray(turned / self.pixel_size_A + middle)
