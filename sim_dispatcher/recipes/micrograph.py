"""What a dark-field microscope would show of a structure: incoherent imaging in plain numpy.

Each atom is a Gaussian spot as wide as the probe, as bright as a power of its atomic number, on a
constant background. That is what a thin sheet looks like to first order; scattering more than
once, the probe's tails and the noise are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONTRAST_EXPONENT", "PROBE_SIGMA_A", "Grid", "forward_image", "grid_about"]

Array: TypeAlias = NDArray[np.float64]

CONTRAST_EXPONENT: Final = 1.64
"""Intensity goes as this power of the atomic number (Krivanek et al., doi:10.1038/nature08879);
1.6 to 1.9 are in use, by detector angles."""

PROBE_SIGMA_A: Final = 0.43
"""Width of a probe of which nothing is known, Å: that of the simulated microscope."""


@dataclass(frozen=True)
class Grid:
    """Pixels in a plane.

    Attributes:
        shape: Rows and columns.
        pixel_size_A: Edge of a pixel, Å.
        origin_A: x, y of the middle of pixel (0, 0), Å; x grows with the column, y with the row.
    """

    shape: tuple[int, int]
    pixel_size_A: float
    origin_A: tuple[float, float] = (0.0, 0.0)

    @property
    def x_A(self) -> Array:
        """(columns,) x of each column, Å."""
        return self.origin_A[0] + self.pixel_size_A * np.arange(self.shape[1], dtype=np.float64)

    @property
    def y_A(self) -> Array:
        """(rows,) y of each row, Å."""
        return self.origin_A[1] + self.pixel_size_A * np.arange(self.shape[0], dtype=np.float64)


def grid_about(positions_A: Array, pixel_size_A: float, margin_A: float) -> Grid:
    """Return the least grid that holds all atoms and a margin.

    Args:
        positions_A: (n, 2) or (n, 3) positions, Å.
        pixel_size_A: Edge of a pixel, Å.
        margin_A: Left free on every side, Å.
    """
    low = positions_A[:, :2].min(axis=0) - margin_A
    columns, rows = np.ceil((positions_A[:, :2].max(axis=0) + margin_A - low) / pixel_size_A) + 1
    return Grid((int(rows), int(columns)), pixel_size_A, (float(low[0]), float(low[1])))


def forward_image(
    numbers: NDArray[np.int64],
    positions_A: Array,
    grid: Grid,
    sigma_A: float = PROBE_SIGMA_A,
    exponent: float = CONTRAST_EXPONENT,
) -> Array:
    """Return the image of a structure, in units of the brightest possible carbon atom.

    Args:
        numbers: (n,) atomic numbers.
        positions_A: (n, 2) or (n, 3) positions, Å; the height plays no role.
        grid: Where to compute it.
        sigma_A: Standard deviation of the probe, Å.
        exponent: Brightness goes as the atomic number to this power.

    Returns:
        (rows, columns) intensity; one isolated carbon atom peaks at 1, the background is 0.
    """
    across = _profile(grid.x_A, positions_A[:, 0], sigma_A)
    down = _profile(grid.y_A, positions_A[:, 1], sigma_A)
    brightness = (np.asarray(numbers) / 6.0) ** exponent
    return np.asarray((down * brightness) @ across.T)


def _profile(at_A: Array, atoms_A: Array, sigma_A: float) -> Array:
    """Return (pixels, atoms) Gaussian weights along one axis."""
    return np.asarray(np.exp(-0.5 * ((at_A[:, None] - atoms_A[None]) / sigma_A) ** 2))
