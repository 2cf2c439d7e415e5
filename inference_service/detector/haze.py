"""The far tail that every atom has: too smooth to be measured in a lattice, too large to leave out.

Aberrations and the source send about a quarter of an atom's counts beyond its bond. A lattice
hides them in its background, yet they move with the atom: a fit without them overstates every
displacement by a few percent. Their mean over the probes that wave optics draws is added, on a
grid as coarse as they are smooth.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference_service.detector.background import Background

__all__ = ["HAZE", "HAZE_U", "haze"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

HAZE: Final = 0.045
HAZE_U: Final = 2.8
"""Amplitude over an atom's own, and standard deviation in widths of its core: what probes drawn
by `probe_modes` have beyond the radius at which they fade out, 0.03 at 3.5 widths on average."""
CELL_U: Final = 1.8
"""Spacing of the grid, in widths of the core."""


def haze(atoms: FloatArray, scale_px: float, shape: tuple[int, int]) -> FloatImage:
    """Image of the far tails of all atoms.

    Args:
        atoms: (n, 3) column, row, amplitude.
        scale_px: Width of the core.
        shape: Rows and columns.
    """
    grid = Background.spanning(shape, CELL_U * scale_px)
    cells = [(n - 1) / (k - 1) for n, k in zip(shape, grid.shape, strict=True)]
    rows, columns = (
        np.clip(atoms[:, 1 - axis] / cells[axis], 0, grid.shape[axis] - 1.001) for axis in (0, 1)
    )
    i, j = rows.astype(np.intp), columns.astype(np.intp)
    down, right = rows - i, columns - j
    total = np.zeros(grid.shape[0] * grid.shape[1])
    for di, share_i in ((0, 1.0 - down), (1, down)):
        for dj, share_j in ((0, 1.0 - right), (1, right)):
            place = (i + di) * grid.shape[1] + j + dj
            total += np.bincount(place, atoms[:, 2] * share_i * share_j, minlength=total.size)
    wide = [np.sqrt((HAZE_U * scale_px / cell) ** 2 - 1.0 / 3.0) for cell in cells]
    smooth = ndimage.gaussian_filter(total.reshape(grid.shape), wide, mode="constant", truncate=3.0)
    peak = 2.0 * np.pi * (HAZE_U * scale_px) ** 2 / (cells[0] * cells[1])
    return grid.image(HAZE * peak * smooth)
