"""Compiled inner loops of the physics fit: Gaussian atoms on pixels, and their derivatives.

An atom is `amplitude * exp(-r² / (2 s²))`, sampled at pixel centres (integers), within `reach`
pixels. Every loop releases the GIL; scatter loops work on a band of rows, so that threads share
an image without sharing a row.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["add_atoms", "atom_normals", "node_coupling", "pair_blocks"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]


@njit(cache=True, nogil=True, fastmath=True)
def add_atoms(
    image: FloatImage, atoms: FloatArray, s: float, first_row: int, end_row: int
) -> None:  # pragma: no cover - compiled
    """Add atoms to the rows first_row .. end_row - 1 of an image.

    Args:
        image: (rows, columns), changed in place.
        atoms: (n, 3) column, row, amplitude.
        s: Standard deviation of the probe, px.
        first_row: First row of the band.
        end_row: Row after the band.
    """
    _, cols = image.shape
    reach = int(np.ceil(3.6 * s))
    gx = np.empty(2 * reach + 3, dtype=np.float32)
    scale = -0.5 / (s * s)
    for n in range(len(atoms)):
        x, y, a = atoms[n, 0], atoms[n, 1], atoms[n, 2]
        r0 = max(first_row, int(np.floor(y)) - reach)
        r1 = min(end_row, int(np.floor(y)) + reach + 2)
        c0 = max(0, int(np.floor(x)) - reach)
        c1 = min(cols, int(np.floor(x)) + reach + 2)
        if r0 >= r1 or c0 >= c1:
            continue
        for c in range(c0, c1):
            gx[c - c0] = np.float32(np.exp(scale * (c - x) ** 2))
        for r in range(r0, r1):
            gy = np.float32(a * np.exp(scale * (r - y) ** 2))
            row = image[r, c0:c1]
            for c in range(c1 - c0):
                row[c] += gy * gx[c]


@njit(cache=True, nogil=True, fastmath=True)
def atom_normals(
    residual: FloatImage,
    weight: FloatImage,
    atoms: FloatArray,
    s: float,
    out: FloatArray,
) -> None:  # pragma: no cover - compiled
    """Gradient and own curvature of each atom under weighted least squares.

    Args:
        residual: (rows, columns) measured minus model.
        weight: (rows, columns) inverse variance.
        atoms: (n, 3) column, row, amplitude.
        s: Standard deviation of the probe, px.
        out: (n, 9): gradient of x, y, a; curvature xx, xy, xa, yy, ya, aa.
    """
    rows, cols = residual.shape
    reach = int(np.ceil(3.6 * s))
    inverse = 1.0 / (s * s)
    gx = np.empty(2 * reach + 3, dtype=np.float32)
    ux = np.empty(2 * reach + 3, dtype=np.float32)
    for n in range(len(atoms)):
        x, y, a = atoms[n, 0], atoms[n, 1], atoms[n, 2]
        r0 = max(0, int(np.floor(y)) - reach)
        r1 = min(rows, int(np.floor(y)) + reach + 2)
        c0 = max(0, int(np.floor(x)) - reach)
        c1 = min(cols, int(np.floor(x)) + reach + 2)
        out[n, :] = 0.0
        if r0 >= r1 or c0 >= c1:
            continue
        for c in range(c0, c1):
            ux[c - c0] = np.float32((c - x) * inverse)
            gx[c - c0] = np.float32(np.exp(-0.5 * inverse * (c - x) ** 2))
        width = c1 - c0
        for r in range(r0, r1):
            uy = (r - y) * inverse
            gy = np.float32(np.exp(-0.5 * inverse * (r - y) ** 2))
            res, wgt = residual[r, c0:c1], weight[r, c0:c1]
            g0 = np.float32(0.0)
            g1 = np.float32(0.0)
            h0 = np.float32(0.0)
            h1 = np.float32(0.0)
            h2 = np.float32(0.0)
            for c in range(width):
                g = gy * gx[c]
                u = ux[c]
                wg = wgt[c] * g
                rg = res[c] * wg
                g0 += rg
                g1 += rg * u
                wgg = wg * g
                h0 += wgg
                h1 += wgg * u
                h2 += wgg * u * u
            out[n, 0] += g1 * a
            out[n, 1] += g0 * a * uy
            out[n, 2] += g0
            out[n, 3] += h2 * a * a
            out[n, 4] += h1 * uy * a * a
            out[n, 5] += h1 * a
            out[n, 6] += h0 * uy * uy * a * a
            out[n, 7] += h0 * uy * a
            out[n, 8] += h0


@njit(cache=True, nogil=True, fastmath=True)
def pair_blocks(
    weight: FloatImage,
    atoms: FloatArray,
    pairs: NDArray[np.intp],
    s: float,
    out: FloatArray,
) -> None:  # pragma: no cover - compiled
    """Curvature that couples two overlapping atoms.

    Args:
        weight: (rows, columns) inverse variance.
        atoms: (n, 3) column, row, amplitude.
        pairs: (m, 2) indices of overlapping atoms.
        s: Standard deviation of the probe, px.
        out: (m, 9): derivative of the first atom (x, y, a) by the second (x, y, a), row by row.
    """
    rows, cols = weight.shape
    reach = int(np.ceil(3.4 * s))
    inverse = 1.0 / (s * s)
    size = 2 * reach + 3
    gx = np.empty(size, dtype=np.float32)
    u1 = np.empty(size, dtype=np.float32)
    u2 = np.empty(size, dtype=np.float32)
    for m in range(len(pairs)):
        x1, y1, a1 = atoms[pairs[m, 0]]
        x2, y2, a2 = atoms[pairs[m, 1]]
        xm, ym = 0.5 * (x1 + x2), 0.5 * (y1 + y2)
        r0 = max(0, int(np.floor(ym)) - reach)
        r1 = min(rows, int(np.floor(ym)) + reach + 2)
        c0 = max(0, int(np.floor(xm)) - reach)
        c1 = min(cols, int(np.floor(xm)) + reach + 2)
        out[m, :] = 0.0
        if r0 >= r1 or c0 >= c1:
            continue
        for c in range(c0, c1):
            u1[c - c0] = np.float32((c - x1) * inverse)
            u2[c - c0] = np.float32((c - x2) * inverse)
            gx[c - c0] = np.float32(np.exp(-0.5 * inverse * ((c - x1) ** 2 + (c - x2) ** 2)))
        width = c1 - c0
        for r in range(r0, r1):
            v1, v2 = (r - y1) * inverse, (r - y2) * inverse
            gy = np.float32(np.exp(-0.5 * inverse * ((r - y1) ** 2 + (r - y2) ** 2)))
            wgt = weight[r, c0:c1]
            k00 = np.float32(0.0)
            k10 = np.float32(0.0)
            k01 = np.float32(0.0)
            k11 = np.float32(0.0)
            for c in range(width):
                g = wgt[c] * gy * gx[c]
                k00 += g
                k10 += g * u1[c]
                k01 += g * u2[c]
                k11 += g * u1[c] * u2[c]
            out[m, 0] += k11 * a1 * a2
            out[m, 1] += k10 * v2 * a1 * a2
            out[m, 2] += k10 * a1
            out[m, 3] += k01 * v1 * a1 * a2
            out[m, 4] += k00 * v1 * v2 * a1 * a2
            out[m, 5] += k00 * v1 * a1
            out[m, 6] += k01 * a2
            out[m, 7] += k00 * v2 * a2
            out[m, 8] += k00


@njit(cache=True, nogil=True, fastmath=True)
def node_coupling(
    weight: FloatImage,
    atoms: FloatArray,
    s: float,
    row_hats: FloatImage,
    column_hats: FloatImage,
    nodes: NDArray[np.intp],
    out: FloatArray,
) -> None:  # pragma: no cover - compiled
    """Curvature that couples an atom to the background's nodes under its patch.

    A patch is narrower than the spacing of the nodes, so it touches three per axis at most.

    Args:
        weight: (rows, columns) inverse variance.
        atoms: (n, 3) column, row, amplitude.
        s: Standard deviation of the probe, px.
        row_hats: (rows, row nodes).
        column_hats: (columns, column nodes).
        nodes: (n, 2) first row node and first column node of each atom's patch.
        out: (n, 3, 3, 3): unknown of the atom (x, y, a), row node, column node.
    """
    rows, cols = weight.shape
    reach = int(np.ceil(3.6 * s))
    inverse = 1.0 / (s * s)
    sums = np.empty((3, 2), dtype=np.float32)
    for n in range(len(atoms)):
        x, y, a = atoms[n]
        r0 = max(0, int(np.floor(y)) - reach)
        r1 = min(rows, int(np.floor(y)) + reach + 2)
        c0 = max(0, int(np.floor(x)) - reach)
        c1 = min(cols, int(np.floor(x)) + reach + 2)
        out[n] = 0.0
        i0, j0 = nodes[n]
        last_row, last_col = min(3, row_hats.shape[1] - i0), min(3, column_hats.shape[1] - j0)
        for r in range(r0, r1):
            uy = (r - y) * inverse
            gy = np.exp(-0.5 * inverse * (r - y) ** 2)
            sums[:] = 0.0
            for c in range(c0, c1):
                u = np.float32((c - x) * inverse)
                wg = weight[r, c] * np.float32(np.exp(-0.5 * inverse * (c - x) ** 2))
                for k in range(last_col):
                    part = wg * column_hats[c, j0 + k]
                    sums[k, 0] += part
                    sums[k, 1] += part * u
            for i in range(last_row):
                share = gy * row_hats[r, i0 + i]
                for k in range(last_col):
                    out[n, 0, i, k] += share * a * sums[k, 1]
                    out[n, 1, i, k] += share * a * uy * sums[k, 0]
                    out[n, 2, i, k] += share * sums[k, 0]
