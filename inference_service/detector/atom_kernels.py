"""Compiled inner loops of the physics fit: Gaussian atoms on pixels, and their derivatives.

An atom is `amplitude * exp(-r² / (2 s²))`, sampled at pixel centres (integers), within a square
patch. Atoms are rows of column, row, amplitude and s, all in px but the amplitude. Every loop
releases the GIL; scatter loops work on a band of rows, so that threads share an image without
sharing a row.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.compiled import compiled

__all__ = ["PATCH_S", "add_atoms", "atom_normals", "node_coupling", "pair_blocks"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

PATCH_S: Final = 3.2
"""Half the edge of a patch, in probe widths: the derivative is below 2 % of its peak outside."""
RENDER_S: Final = 3.6
"""The same for rendering."""
MAX_REACH_PX: Final = 60
"""Patches never exceed this, whatever a width becomes on its way."""
TABLE_PX: Final = 2 * MAX_REACH_PX + 3
PAIR_PATCH_S: Final = 2.7
"""The same around the midpoint of two atoms, whose product is narrower by the root of 2."""


@compiled
def bounds(centre: float, reach: int, length: int) -> tuple[int, int]:  # pragma: no cover
    """First pixel and end of a patch along one axis, clipped to the image."""
    base = int(np.floor(centre))
    return max(0, base - reach), min(length, base + reach + 2)


@compiled
def tabulate(
    first: int, end: int, centre: float, s: float, table: FloatImage
) -> None:  # pragma: no cover
    """Fill table[0] with the Gaussian and table[1] with its slope's factor along one axis."""
    inverse = 1.0 / (s * s)
    for k in range(first, end):
        d = k - centre
        table[0, k - first] = np.float32(np.exp(-0.5 * inverse * d * d))
        table[1, k - first] = np.float32(d * inverse)


@compiled
def add_atoms(
    image: FloatImage, atoms: FloatArray, first_row: int, end_row: int
) -> None:  # pragma: no cover
    """Add atoms to the rows first_row .. end_row - 1 of an image.

    Args:
        image: (rows, columns), changed in place.
        atoms: (n, 4) column, row, amplitude, s.
        first_row: First row of the band.
        end_row: Row after the band.
    """
    table = np.empty((2, TABLE_PX), dtype=np.float32)
    for n in range(len(atoms)):
        x, y, a, s = atoms[n]
        reach = min(int(np.ceil(RENDER_S * s)), MAX_REACH_PX)
        c0, c1 = bounds(x, reach, image.shape[1])
        r0, r1 = bounds(y, reach, end_row)
        if c0 >= c1:
            continue
        tabulate(c0, c1, x, s, table)
        for r in range(max(r0, first_row), r1):
            gy = np.float32(a * np.exp(-0.5 * ((r - y) / s) ** 2))
            row = image[r, c0:c1]
            for c in range(c1 - c0):
                row[c] += gy * table[0, c]


@compiled
def row_sums(
    residual: FloatImage, weight: FloatImage, gy: np.float32, table: FloatImage
) -> tuple[np.float32, np.float32, np.float32, np.float32, np.float32]:  # pragma: no cover
    """Sums along one row: r, r u, g², g² u, g² u² under the weighted Gaussian."""
    r0 = r1 = h0 = h1 = h2 = np.float32(0.0)
    for c in range(len(residual)):
        g, u = gy * table[0, c], table[1, c]
        wg = weight[c] * g
        rg = residual[c] * wg
        gg = wg * g
        r0 += rg
        r1 += rg * u
        h0 += gg
        h1 += gg * u
        h2 += gg * u * u
    return r0, r1, h0, h1, h2


@compiled
def atom_normals(
    residual: FloatImage, weight: FloatImage, atoms: FloatArray, out: FloatArray
) -> None:  # pragma: no cover
    """Gradient and own curvature of each atom under weighted least squares.

    Args:
        residual: (rows, columns) measured minus model.
        weight: (rows, columns) inverse variance.
        atoms: (n, 4) column, row, amplitude, s.
        out: (n, 9): gradient of x, y, a; curvature xx, xy, xa, yy, ya, aa.
    """
    table = np.empty((2, TABLE_PX), dtype=np.float32)
    for n in range(len(atoms)):
        x, y, a, s = atoms[n]
        reach = min(int(np.ceil(PATCH_S * s)), MAX_REACH_PX)
        c0, c1 = bounds(x, reach, residual.shape[1])
        r0, r1 = bounds(y, reach, residual.shape[0])
        out[n] = 0.0
        if c0 >= c1:
            continue
        tabulate(c0, c1, x, s, table)
        sums = np.zeros(9)
        for r in range(r0, r1):
            uy = (r - y) / (s * s)
            gy = np.float32(np.exp(-0.5 * ((r - y) / s) ** 2))
            g0, g1, h0, h1, h2 = row_sums(residual[r, c0:c1], weight[r, c0:c1], gy, table)
            sums[0] += g1
            sums[1] += g0 * uy
            sums[2] += g0
            sums[3] += h2
            sums[4] += h1 * uy
            sums[5] += h1
            sums[6] += h0 * uy * uy
            sums[7] += h0 * uy
            sums[8] += h0
        for k in (0, 1, 5, 7):
            sums[k] *= a
        for k in (3, 4, 6):
            sums[k] *= a * a
        out[n] = sums


@compiled
def pair_row(
    weight: FloatImage, gy: np.float32, one: FloatImage, two: FloatImage
) -> tuple[np.float32, np.float32, np.float32, np.float32]:  # pragma: no cover
    """Sums along one row of the product of two atoms: 1, u1, u2, u1 u2."""
    k00 = k10 = k01 = k11 = np.float32(0.0)
    for c in range(len(weight)):
        g = weight[c] * gy * one[0, c] * two[0, c]
        k00 += g
        k10 += g * one[1, c]
        k01 += g * two[1, c]
        k11 += g * one[1, c] * two[1, c]
    return k00, k10, k01, k11


@compiled
def pair_blocks(
    weight: FloatImage, atoms: FloatArray, pairs: NDArray[np.intp], out: FloatArray
) -> None:  # pragma: no cover
    """Curvature that couples two overlapping atoms.

    Args:
        weight: (rows, columns) inverse variance.
        atoms: (n, 3) column, row, amplitude.
        pairs: (m, 2) indices of overlapping atoms.
        s: Standard deviation of the probe, px.
        out: (m, 9): derivative of the first atom (x, y, a) by the second (x, y, a), row by row.
    """
    one = np.empty((2, TABLE_PX), dtype=np.float32)
    two = np.empty((2, TABLE_PX), dtype=np.float32)
    for m in range(len(pairs)):
        x1, y1, a1, s1 = atoms[pairs[m, 0]]
        x2, y2, a2, s2 = atoms[pairs[m, 1]]
        reach = min(int(np.ceil(PAIR_PATCH_S * max(s1, s2))), MAX_REACH_PX)
        c0, c1 = bounds(0.5 * (x1 + x2), reach, weight.shape[1])
        r0, r1 = bounds(0.5 * (y1 + y2), reach, weight.shape[0])
        out[m] = 0.0
        if c0 >= c1:
            continue
        tabulate(c0, c1, x1, s1, one)
        tabulate(c0, c1, x2, s2, two)
        for r in range(r0, r1):
            v1, v2 = (r - y1) / (s1 * s1), (r - y2) / (s2 * s2)
            gy = np.float32(np.exp(-0.5 * (v1 * (r - y1) + v2 * (r - y2))))
            k00, k10, k01, k11 = pair_row(weight[r, c0:c1], gy, one, two)
            out[m, 0] += k11 * a1 * a2
            out[m, 1] += k10 * v2 * a1 * a2
            out[m, 2] += k10 * a1
            out[m, 3] += k01 * v1 * a1 * a2
            out[m, 4] += k00 * v1 * v2 * a1 * a2
            out[m, 5] += k00 * v1 * a1
            out[m, 6] += k01 * a2
            out[m, 7] += k00 * v2 * a2
            out[m, 8] += k00


@compiled
def node_row(
    weight: FloatImage, table: FloatImage, hats: FloatImage, used: int, sums: FloatArray
) -> None:  # pragma: no cover
    """Sums along one row under each of the column hats, sums[0] of g and sums[1] of g u."""
    for k in range(used):
        hat = hats[k]
        b0 = b1 = np.float32(0.0)
        for c in range(len(weight)):
            part = weight[c] * table[0, c] * hat[c]
            b0 += part
            b1 += part * table[1, c]
        sums[0, k], sums[1, k] = b0, b1


@compiled
def node_coupling(
    weight: FloatImage,
    atoms: FloatArray,
    hats: tuple[FloatImage, FloatImage],
    nodes: NDArray[np.intp],
    out: FloatArray,
) -> None:  # pragma: no cover
    """Curvature that couples an atom to the background's nodes under its patch.

    A patch is narrower than the spacing of the nodes, so it touches three per axis at most.

    Args:
        weight: (rows, columns) inverse variance.
        atoms: (n, 4) column, row, amplitude, s.
        hats: (row nodes, rows) and (column nodes, columns) values of the basis.
        nodes: (n, 2) first row node and first column node of each atom's patch.
        out: (n, 3, 3, 3): unknown of the atom (x, y, a), row node, column node.
    """
    table = np.empty((2, TABLE_PX), dtype=np.float32)
    sums = np.zeros((2, 3))
    for n in range(len(atoms)):
        x, y, a, s = atoms[n]
        reach = min(int(np.ceil(PATCH_S * s)), MAX_REACH_PX)
        c0, c1 = bounds(x, reach, weight.shape[1])
        r0, r1 = bounds(y, reach, weight.shape[0])
        out[n] = 0.0
        if c0 >= c1:
            continue
        tabulate(c0, c1, x, s, table)
        i0, j0 = nodes[n]
        beneath = hats[1][j0 : j0 + 3, c0:c1]
        used = beneath.shape[0] if beneath[-1, -1] > 0.0 else min(2, beneath.shape[0])
        for r in range(r0, r1):
            uy = (r - y) / (s * s)
            gy = np.exp(-0.5 * ((r - y) / s) ** 2)
            node_row(weight[r, c0:c1], table, beneath, used, sums)
            for i in range(min(3, hats[0].shape[0] - i0)):
                share = gy * hats[0][i0 + i, r]
                if share > 0.0:
                    for k in range(used):
                        out[n, 0, i, k] += share * a * sums[1, k]
                        out[n, 1, i, k] += share * a * uy * sums[0, k]
                        out[n, 2, i, k] += share * sums[0, k]
