"""The Cramér-Rao bound of positions in the lattice, from the noiseless image itself.

Each atom contributes its own multislice image, scaled to its brightness; x, y and brightness of all
atoms and a coarse background are unknown together. Fisher's matrix F = Jᵀ W J, W the inverse
variance of a pixel; the bound of a coordinate is the square root of its diagonal element of F⁻¹.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, hstack

from .arrays import Bools, Floats

REACH_A = 2.4
STEP_A = 0.02
BACKGROUND_A = 8.0
_SHIFTS = STEP_A * np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]], float)


@dataclass(frozen=True)
class Fisher:
    """What the bound needs to know of a frame.

    Attributes:
        expected: Mean counts (rows, columns).
        variance: Of each pixel, in counts² (rows, columns).
        pixel_A: True pixel size.
        counts: Counts per pixel for a signal fraction of 1.
    """

    expected: Floats
    variance: Floats
    pixel_A: float
    counts: float

    def bound_pm(
        self, xy_px: Floats, brightness: Floats, atom: Callable[[Floats], Floats]
    ) -> Floats:
        """Bound along x and y (root mean square of the two) of each atom, pm.

        Args:
            xy_px: (n, 2) column, row.
            brightness: (n,) relative to the atom whose image is `atom`.
            atom: Image of one atom at the origin, in fractions of the beam.
        """
        n = len(xy_px)
        jacobian = hstack([self._of_atoms(xy_px, brightness, atom), self._of_background()]).tocsr()
        weighted = jacobian.multiply(1.0 / self.variance.reshape(-1, 1)).tocsr()
        information = (jacobian.T @ weighted).toarray()
        information[np.diag_indices(3 * n)] += 1e-12
        inverse = (
            np.linalg.pinv(information, hermitian=True) if n < 3 else np.linalg.inv(information)
        )
        variance = np.clip(np.diag(inverse)[: 3 * n].reshape(n, 3)[:, :2], 0.0, None)
        return np.asarray(100.0 * np.sqrt(variance.mean(axis=1)))

    def _of_atoms(
        self, xy_px: Floats, brightness: Floats, atom: Callable[[Floats], Floats]
    ) -> csr_matrix:
        """Derivatives by x (Å), y (Å) and relative brightness of each atom."""
        rows, columns = self.expected.shape
        reach = int(np.ceil(REACH_A / self.pixel_A))
        local = np.arange(-reach, reach + 1)
        dx, dy = (d.ravel() for d in np.meshgrid(local, local))
        pixel = np.round(xy_px).astype(int)[:, None, :] + np.column_stack([dx, dy])
        offset = (pixel - xy_px[:, None, :]) * self.pixel_A
        image = [self.counts * atom(offset + shift) for shift in _SHIFTS]
        slope = [(image[a] - image[b]) / (2 * STEP_A) for a, b in ((2, 1), (4, 3))]
        values = np.stack([*slope, image[0]], axis=-1) * brightness[:, None, None]
        inside: Bools = np.asarray(((pixel >= 0) & (pixel < (columns, rows))).all(axis=-1))
        index = pixel[..., 1] * columns + pixel[..., 0]
        column = 3 * np.arange(len(xy_px))[:, None, None] + np.arange(3)
        where = np.broadcast_to(inside[..., None], values.shape)
        entries = (
            values[where],
            (
                np.broadcast_to(index[..., None], values.shape)[where],
                np.broadcast_to(column, values.shape)[where],
            ),
        )
        return coo_matrix(entries, shape=(rows * columns, 3 * len(xy_px))).tocsr()

    def _of_background(self) -> csr_matrix:
        """Bilinear background on a grid of BACKGROUND_A."""
        weights = []
        for size in self.expected.shape:
            knots = max(2, round(size * self.pixel_A / BACKGROUND_A) + 1)
            place = np.linspace(0, knots - 1, size)
            weights.append(np.clip(1 - np.abs(place[:, None] - np.arange(knots)), 0, None))
        return csr_matrix(np.einsum("ri,cj->rcij", *weights).reshape(self.expected.size, -1))
