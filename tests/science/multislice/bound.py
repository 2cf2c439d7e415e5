"""The Cramér-Rao bound of positions in the lattice, and an estimator that reaches it.

Each atom contributes its own multislice image, scaled to its brightness; x, y and brightness of all
atoms and a coarse background are unknown together. Fisher's matrix F = Jᵀ W J, W the inverse
variance of a pixel; the bound of a coordinate is the square root of its diagonal element of F⁻¹.
One step of F⁻¹ Jᵀ W from the truth is the best that any unbiased method can do with a frame's own
noise; jitter and hum, which the bound ignores, move it as they move every method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, hstack

from .arrays import Bools, Floats, Ints

REACH_A = 2.4
STEP_A = 0.02
BACKGROUND_A = 8.0
TILE_A = 20.0
MARGIN_A = 5.0
"""Tiles are solved apart, each with a margin of neighbours, which alone it feels."""
_SHIFTS = STEP_A * np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]], float)


@dataclass(frozen=True)
class Fisher:
    """What there is to know about the atoms of a frame.

    Attributes:
        signal: Recorded counts (rows, columns).
        variance: Of each pixel, in counts² (rows, columns).
        pixel_A: True pixel size.
        xy_px: (n, 2) column, row of each atom.
        peaks: (n,) counts per pixel for a value of 1 of `atom`.
        atom: Image of one atom at the origin, at offsets (…, 2) Å.
    """

    signal: Floats
    variance: Floats
    pixel_A: float
    xy_px: Floats
    peaks: Floats
    atom: Callable[[Floats], Floats]

    def solve(self) -> tuple[Floats, Floats]:
        """Solve tile by tile.

        Returns:
            Bound (n,), the root mean square of x and y in pm, and the best estimate (n, 2) px.
        """
        bound, best = np.full(len(self.xy_px), np.nan), np.full(self.xy_px.shape, np.nan)
        for tile, index, inner in self._tiles():
            tile_bound, tile_best = tile._solve_at_once()
            bound[index[inner]] = tile_bound[inner]
            offset = self.xy_px[index[inner]] - tile.xy_px[inner]
            best[index[inner]] = tile_best[inner] + offset
        return bound, best

    def _tiles(self) -> Iterator[tuple[Fisher, Ints, Bools]]:
        """Parts of the frame, the indices of their atoms, and which of these are no margin."""
        sides = [
            np.array_split(np.arange(size), max(1, round(size * self.pixel_A / TILE_A)))
            for size in self.signal.shape
        ]
        margin = round(MARGIN_A / self.pixel_A)
        for rows in sides[0]:
            for columns in sides[1]:
                top, left = max(rows[0] - margin, 0), max(columns[0] - margin, 0)
                cut = slice(top, rows[-1] + margin + 1), slice(left, columns[-1] + margin + 1)
                part = self.signal[cut]
                local = self.xy_px - np.array([left, top])
                near = ((local > -0.5) & (local < np.array(part.shape[::-1]) - 0.5)).all(axis=1)
                x, y = np.round(self.xy_px[near]).astype(int).T
                inner: Bools = (rows[0] <= y) & (y <= rows[-1])
                inner &= (columns[0] <= x) & (x <= columns[-1])
                if inner.any():
                    tile = Fisher(
                        part,
                        self.variance[cut],
                        self.pixel_A,
                        local[near],
                        self.peaks[near],
                        self.atom,
                    )
                    yield tile, np.flatnonzero(near), inner

    def _solve_at_once(self) -> tuple[Floats, Floats]:
        n = len(self.xy_px)
        jacobian = hstack([self._of_atoms(), self._of_background()]).tocsr()
        weighted = jacobian.multiply(1.0 / self.variance.reshape(-1, 1)).tocsr()
        information = (jacobian.T @ weighted).toarray()
        information[np.diag_indices(len(information))] += 1e-9
        covariance = np.linalg.inv(information)
        atoms_alone = jacobian[:, 2 : 3 * n : 3].sum(axis=1)
        excess = self.signal.ravel() - np.asarray(atoms_alone).ravel()
        step = (covariance @ (weighted.T @ excess))[: 3 * n].reshape(n, 3)[:, :2]
        variance = np.clip(np.diag(covariance)[: 3 * n].reshape(n, 3)[:, :2], 0.0, None)
        bound_pm = 100.0 * np.sqrt(variance.mean(axis=1))
        return np.asarray(bound_pm), self.xy_px + step / self.pixel_A

    def _of_atoms(self) -> csr_matrix:
        """Derivatives by x (Å), y (Å) and relative brightness of each atom."""
        rows, columns = self.signal.shape
        reach = int(np.ceil(REACH_A / self.pixel_A))
        local = np.arange(-reach, reach + 1)
        dx, dy = (d.ravel() for d in np.meshgrid(local, local))
        pixel = np.round(self.xy_px).astype(int)[:, None, :] + np.column_stack([dx, dy])
        offset = (pixel - self.xy_px[:, None, :]) * self.pixel_A
        image = [self.atom(offset + shift) for shift in _SHIFTS]
        slope = [(image[a] - image[b]) / (2 * STEP_A) for a, b in ((1, 2), (3, 4))]
        values = np.stack([*slope, image[0]], axis=-1) * self.peaks[:, None, None]
        inside: Bools = np.asarray(((pixel >= 0) & (pixel < (columns, rows))).all(axis=-1))
        index = pixel[..., 1] * columns + pixel[..., 0]
        column = 3 * np.arange(len(self.xy_px))[:, None, None] + np.arange(3)
        where = np.broadcast_to(inside[..., None], values.shape)
        entries = (
            values[where],
            (
                np.broadcast_to(index[..., None], values.shape)[where],
                np.broadcast_to(column, values.shape)[where],
            ),
        )
        return coo_matrix(entries, shape=(rows * columns, 3 * len(self.xy_px))).tocsr()

    def _of_background(self) -> csr_matrix:
        """Bilinear background on a grid of BACKGROUND_A."""
        weights = []
        for size in self.signal.shape:
            knots = max(2, round(size * self.pixel_A / BACKGROUND_A) + 1)
            place = np.linspace(0, knots - 1, size)
            weights.append(np.clip(1 - np.abs(place[:, None] - np.arange(knots)), 0, None))
        return csr_matrix(np.einsum("ri,cj->rcij", *weights).reshape(self.signal.size, -1))
