"""Where the beam really is: the map from a frame's pixels to the specimen, smooth part and jitter.

The smooth part (stretch, rotation, drift, flyback bend, slips) moves atoms in the frame and so
belongs to the truth. Line jitter and mains hum are noise that a detector has to live with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import Bools, Floats

INVERSE_STEPS = 40
INVERSE_TOLERANCE_px = 0.02


@dataclass(frozen=True)
class Distortion:
    """One scan.

    Attributes:
        shape: Rows, columns.
        pixel_A: Nominal pixel size.
        middle_A: What the frame's middle looks at (2,), x and y.
        stretch: (2, 2) from nominal to true offsets: near the identity.
        drift_A: Drift over the whole frame, linear and quadratic in time, (2, 2).
        flyback_A: Displacement along x at the start of each line.
        flyback_px: Its decay length.
        slips: Row and (x, y) jump in Å of each slip.
    """

    shape: tuple[int, int]
    pixel_A: float
    middle_A: Floats
    stretch: Floats
    drift_A: Floats
    flyback_A: float = 0.0
    flyback_px: float = 10.0
    slips: tuple[tuple[float, float, float], ...] = ()

    @property
    def true_pixel_A(self) -> float:
        """Geometric mean of the true pixel's sides, Å."""
        return self.pixel_A * float(np.sqrt(abs(np.linalg.det(self.stretch))))

    def specimen_A(self, xy_px: Floats) -> Floats:
        """Where a frame's points (…, 2) as (column, row) lie on the specimen, Å."""
        rows, columns = self.shape
        offset = (xy_px - (np.array([columns, rows]) - 1) / 2) * self.pixel_A
        time = ((xy_px[..., 1] + xy_px[..., 0] / columns) / rows)[..., None]
        place = self.middle_A + offset @ self.stretch.T
        place = place + (time - 0.5) * self.drift_A[0] + (time - 0.5) ** 2 * self.drift_A[1]
        place[..., 0] += self.flyback_A * np.exp(-np.maximum(xy_px[..., 0], 0.0) / self.flyback_px)
        for row, dx, dy in self.slips:
            place += (xy_px[..., 1] >= row)[..., None] * np.array([dx, dy])
        return np.asarray(place)

    def frame_px(self, xy_A: Floats) -> tuple[Floats, Bools]:
        """Where specimen points (n, 2) Å appear, by fixed-point iteration.

        Returns:
            (column, row) (n, 2), and which of them have one place only (not lost in a slip).
        """
        rows, columns = self.shape
        back = np.linalg.inv(self.stretch).T / self.pixel_A
        found = np.tile((np.array([columns, rows]) - 1) / 2, (len(xy_A), 1))
        for _ in range(INVERSE_STEPS):
            found = found + (xy_A - self.specimen_A(found)) @ back
        residue = np.abs((xy_A - self.specimen_A(found)) @ back).max(axis=1)
        sure = residue < INVERSE_TOLERANCE_px
        for row, *_ in self.slips:
            sure &= np.abs(found[:, 1] - row) * self.pixel_A > 1.2
        return found, sure

    @classmethod
    def draw(
        cls, rng: np.random.Generator, shape: tuple[int, int], pixel_A: float, middle_A: Floats
    ) -> Distortion:
        """A scan as real ones are: 1-3 % of stretch and shear, slow drift; slips in one of four."""
        stretch = np.eye(2) + rng.uniform(0.01, 0.03) * rng.uniform(-1.0, 1.0, (2, 2))
        slips = []
        if rng.random() < 0.25:
            jump = rng.normal(0.0, 0.35, 2)
            slips.append((float(rng.uniform(0.2, 0.8) * shape[0]), float(jump[0]), float(jump[1])))
        return cls(
            shape=shape,
            pixel_A=pixel_A,
            middle_A=middle_A,
            stretch=stretch,
            drift_A=rng.normal(0.0, 0.25, (2, 2)),
            flyback_A=rng.uniform(0.0, 0.35),
            flyback_px=rng.uniform(0.3, 1.5) / pixel_A,
            slips=tuple(slips),
        )


@dataclass(frozen=True)
class Unsteadiness:
    """What shakes the beam, as noise.

    Attributes:
        jitter_A: Standard deviation of each line's displacement along x; a third of it along y.
        hum_A: Amplitude of the mains along x and y.
        hum_per_line: Periods of the mains in one line.
    """

    jitter_A: float = 0.0
    hum_A: tuple[float, float] = (0.0, 0.0)
    hum_per_line: float = 0.2

    def shifts_A(self, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
        """Displacement of the beam at each pixel, (rows, columns, 2) Å."""
        rows, columns = shape
        lines = rng.normal(0.0, 1.0, (rows, 1, 2)) * self.jitter_A * np.array([1.0, 1.0 / 3.0])
        time = np.arange(rows)[:, None] + np.arange(columns)[None, :] / columns
        phase = 2 * np.pi * self.hum_per_line * time + rng.uniform(0, 2 * np.pi)
        return np.asarray(lines + np.sin(phase)[..., None] * np.array(self.hum_A))

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Unsteadiness:
        """Jitter of 0.5-2.5 pm a line; hum of up to 1.2 pm in one of three."""
        hum = rng.uniform(0.003, 0.012, 2) if rng.random() < 1 / 3 else np.zeros(2)
        return cls(rng.uniform(0.005, 0.025), (float(hum[0]), float(hum[1])), rng.uniform(0.1, 0.5))
