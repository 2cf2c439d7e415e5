"""Where the beam really was: distortions of a raster scan.

The smooth part (stretch, drift, flyback bend, line slips) moves atoms in the image and belongs to
their true position there. Line jitter and mains hum are noise and do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

__all__ = ["Scan", "random_scan"]


@dataclass(frozen=True)
class Scan:
    """A raster of square pixels and its distortions; lengths in Å, positions in pixels.

    Attributes:
        side: rows and columns.
        pixel_A: nominal sampling.
        stretch: (2, 2) difference of the true from the nominal raster.
        drift: (waves, 5) amplitude x and y [Å], cycles per frame, phase x and y.
        flyback_A: bend at the left edge.
        flyback_px: its decay length.
        slips: (n, 3) row and the jump in x and y [Å] from that row on.
        jitter_A: (side, 2) random shift of each line in x and y.
        hum: amplitude [Å], cycles per line, cycles per pixel, phase.
    """

    side: int
    pixel_A: float
    stretch: NDArray[np.float64]
    drift: NDArray[np.float64]
    flyback_A: float
    flyback_px: float
    slips: NDArray[np.float64]
    jitter_A: NDArray[np.float64]
    hum: tuple[float, float, float, float]

    def smooth(
        self, column: NDArray[np.float64], row: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return specimen x and y [Å] seen at image positions, without jitter and hum."""
        x, y = column * self.pixel_A, row * self.pixel_A
        middle = 0.5 * self.side * self.pixel_A
        sx = self.stretch[0, 0] * (x - middle) + self.stretch[0, 1] * (y - middle)
        sy = self.stretch[1, 0] * (x - middle) + self.stretch[1, 1] * (y - middle)
        sx = sx - self.flyback_A * np.exp(-np.maximum(column, 0) / self.flyback_px)
        for ax, ay, cycles, px, py in self.drift:
            phase = 2 * np.pi * cycles * row / self.side
            sx = sx + ax * np.sin(phase + px)
            sy = sy + ay * np.sin(phase + py)
        for start, jump_x, jump_y in self.slips:
            after = row >= start
            sx, sy = sx + jump_x * after, sy + jump_y * after
        return x + sx, y + sy

    def beam(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return specimen x and y [Å] of every pixel, (side, side) each, noise included."""
        index = np.arange(self.side, dtype=np.float64)
        row, column = index[:, None], index[None, :]
        x, y = self.smooth(column, row)
        size, per_line, per_pixel, phase = self.hum
        hum = size * np.sin(2 * np.pi * (per_line * row + per_pixel * column) + phase)
        return x + self.jitter_A[:, :1] + hum, y + self.jitter_A[:, 1:] + 0 * column

    def image_positions(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n, 2) column and row at which specimen points [Å] appear, by iteration."""
        place = xy / self.pixel_A
        for _ in range(6):
            x, y = self.smooth(place[:, 0], place[:, 1])
            place = place - (np.column_stack([x, y]) - xy) / self.pixel_A
        return place


def random_scan(rng: Generator, side: int, pixel_A: float) -> Scan:
    """Draw a scan from quiet to poor.

    Args:
        rng: source of chance.
        side: rows and columns.
        pixel_A: nominal sampling.

    Returns:
        The scan.
    """
    poor = float(rng.choice([0.0, 0.4, 1.0]))
    jitter = rng.normal(0, 1, (side, 2)) * np.array([0.10, 0.05]) * poor * rng.random()
    waves = int(rng.integers(0, 4))
    drift = np.column_stack(
        [
            rng.normal(0, 0.25 * poor, (waves, 2)),
            rng.uniform(0.3, 4.0, waves),
            rng.uniform(0, 2 * np.pi, (waves, 2)),
        ]
    )
    return Scan(
        side=side,
        pixel_A=pixel_A,
        stretch=rng.normal(0, 0.012 * poor, (2, 2)),
        drift=drift,
        flyback_A=float(rng.normal(0, 0.5 * poor)),
        flyback_px=float(rng.uniform(0.01, 0.05) * side),
        slips=_slips(rng, side, poor),
        jitter_A=jitter,
        hum=_hum(rng, side, poor),
    )


def _slips(rng: Generator, side: int, poor: float) -> NDArray[np.float64]:
    """Draw rare jumps of the beam."""
    count = rng.poisson(0.3 * poor)
    return np.column_stack([rng.uniform(0, side, count), rng.normal(0, 0.4, (count, 2))])


def _hum(rng: Generator, side: int, poor: float) -> tuple[float, float, float, float]:
    """Draw mains hum, which takes 0.2 to 2 cycles per line."""
    per_line = rng.uniform(0.2, 2.0)
    size = rng.choice([0.0, 0.06 * poor * rng.random()])
    return float(size), float(per_line), float(per_line / side), float(rng.uniform(0, 2 * np.pi))
