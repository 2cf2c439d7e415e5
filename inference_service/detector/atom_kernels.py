"""Compiled inner loops of the physics fit: atoms on pixels, and their derivatives.

An atom is the frame's own probe, tabulated as stamps: its values and derivatives at the pixels
around an atom, one stamp for each of `PHASES` x `PHASES` places of the atom within a pixel. From
the nearest place a second-order expansion leads to the atom's own. Pixel centres lie at integers;
atoms are rows of column, row and amplitude. Every loop releases the GIL; scatter loops work on a
band of rows, so that threads share an image without sharing a row.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.compiled import compiled

__all__ = [
    "LAYERS",
    "PHASES",
    "add_atoms",
    "add_columns",
    "atom_gradients",
    "atom_patches",
    "pair_blocks",
    "project_columns",
    "spread_columns",
]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

PHASES: Final = 4
"""Places of an atom within a pixel along each axis: the expansion never spans more than 1/8 px."""
LAYERS: Final = 6
"""Of a stamp: value, slopes by the atom's x and y, second derivatives xx, xy and yy."""


@compiled
def phase_of(position: float, phases: int) -> tuple[int, int, float]:  # pragma: no cover
    """Nearest pixel, place within it, and the rest from that place on, px."""
    base = int(np.floor(position + 0.5))
    share = position - base + 0.5
    phase = min(int(share * phases), phases - 1)
    return base, phase, share - (phase + 0.5) / phases


@compiled
def add_atoms(
    image: FloatImage, atoms: FloatArray, stamps: FloatImage, first_row: int, end_row: int
) -> None:  # pragma: no cover
    """Add atoms of one kind to the rows first_row .. end_row - 1 of an image.

    Args:
        image: (rows, columns), changed in place.
        atoms: (n, 3) column, row, amplitude.
        stamps: (PHASES², LAYERS, side, side).
        first_row: First row of the band.
        end_row: Row after the band.
    """
    reach = stamps.shape[2] // 2
    for n in range(len(atoms)):
        bx, px, dx = phase_of(atoms[n, 0], PHASES)
        by, py, dy = phase_of(atoms[n, 1], PHASES)
        c0, c1 = max(0, bx - reach), min(image.shape[1], bx + reach + 1)
        if c0 >= c1:
            continue
        k0, k1 = c0 - bx + reach, c1 - bx + reach
        stamp, a = stamps[PHASES * py + px], atoms[n, 2]
        w0, w1, w2 = np.float32(a), np.float32(a * dx), np.float32(a * dy)
        w3 = np.float32(0.5 * a * dx * dx)
        w4, w5 = np.float32(a * dx * dy), np.float32(0.5 * a * dy * dy)
        for r in range(max(first_row, by - reach), min(end_row, by + reach + 1)):
            row, i = image[r, c0:c1], r - by + reach
            g0, g1, g2 = stamp[0, i, k0:k1], stamp[1, i, k0:k1], stamp[2, i, k0:k1]
            g3, g4, g5 = stamp[3, i, k0:k1], stamp[4, i, k0:k1], stamp[5, i, k0:k1]
            for c in range(c1 - c0):
                row[c] += (
                    w0 * g0[c] + w1 * g1[c] + w2 * g2[c] + w3 * g3[c] + w4 * g4[c] + w5 * g5[c]
                )


@compiled
def slopes_of_row(
    stamp: FloatImage, i: int, a: np.float32, dx: np.float32, dy: np.float32, jac: FloatImage
) -> None:  # pragma: no cover
    """Fill one row of an atom's derivatives by x, y and amplitude: jac is (3, side)."""
    half = np.float32(0.5)
    g0, g1, g2 = stamp[0, i], stamp[1, i], stamp[2, i]
    g3, g4, g5 = stamp[3, i], stamp[4, i], stamp[5, i]
    jx, jy, ja = jac[0], jac[1], jac[2]
    for c in range(len(g0)):
        sx = g3[c] * dx + g4[c] * dy
        sy = g4[c] * dx + g5[c] * dy
        jx[c] = a * (g1[c] + sx)
        jy[c] = a * (g2[c] + sy)
        ja[c] = g0[c] + dx * (g1[c] + half * sx) + dy * (g2[c] + half * sy)


@compiled
def add_row_sums(
    residual: FloatImage, weight: FloatImage, jac: FloatImage, sums: FloatArray
) -> None:  # pragma: no cover
    """Add one row's share to the 12 sums of `atom_patches`."""
    jx, jy, ja = jac[0], jac[1], jac[2]
    s0 = s1 = s2 = h0 = h1 = h2 = h3 = h4 = h5 = q0 = q1 = q2 = np.float32(0.0)
    for c in range(len(residual)):
        wx, wy, wa = weight[c] * jx[c], weight[c] * jy[c], weight[c] * ja[c]
        s0 += wx * residual[c]
        s1 += wy * residual[c]
        s2 += wa * residual[c]
        h0 += wx * jx[c]
        h1 += wx * jy[c]
        h2 += wx * ja[c]
        h3 += wy * jy[c]
        h4 += wy * ja[c]
        h5 += wa * ja[c]
        q0 += wx
        q1 += wy
        q2 += wa
    sums[0] += s0
    sums[1] += s1
    sums[2] += s2
    sums[3] += h0
    sums[4] += h1
    sums[5] += h2
    sums[6] += h3
    sums[7] += h4
    sums[8] += h5
    sums[9] += q0
    sums[10] += q1
    sums[11] += q2


@compiled
def atom_patches(
    images: tuple[FloatImage, FloatImage],
    atoms: FloatArray,
    stamps: FloatImage,
    kinds: NDArray[np.intp],
    jac: FloatImage,
    sums: FloatArray,
) -> None:  # pragma: no cover
    """Derivatives of each atom on its patch, and what they sum to under the weights.

    Args:
        images: Residual (measured minus model) and weight (inverse variance), (rows, columns).
        atoms: (n, 3) column, row, amplitude.
        stamps: (kinds, PHASES², LAYERS, side, side).
        kinds: (n,) which stamps an atom has.
        jac: (n, 3, side, side) out: derivatives by x, y and amplitude.
        sums: (n, 12) out: gradient x, y, a; curvature xx, xy, xa, yy, ya, aa; and the coupling
            of x, y, a to a constant level.
    """
    residual, weight = images
    reach = stamps.shape[3] // 2
    line = np.empty((3, stamps.shape[3]), dtype=np.float32)
    for n in range(len(atoms)):
        bx, px, dx = phase_of(atoms[n, 0], PHASES)
        by, py, dy = phase_of(atoms[n, 1], PHASES)
        stamp, a = stamps[kinds[n], PHASES * py + px], np.float32(atoms[n, 2])
        c0, c1 = max(0, bx - reach), min(residual.shape[1], bx + reach + 1)
        sums[n] = 0.0
        if c0 >= c1:
            continue
        k0, k1 = c0 - bx + reach, c1 - bx + reach
        for r in range(max(0, by - reach), min(residual.shape[0], by + reach + 1)):
            i = r - by + reach
            slopes_of_row(stamp, i, a, np.float32(dx), np.float32(dy), line)
            jac[n, :, i] = line
            add_row_sums(residual[r, c0:c1], weight[r, c0:c1], line[:, k0:k1], sums[n])


@compiled
def atom_gradients(
    images: tuple[FloatImage, FloatImage],
    atoms: FloatArray,
    stamps: FloatImage,
    kinds: NDArray[np.intp],
    out: FloatArray,
) -> None:  # pragma: no cover
    """Gradient alone of each atom, (n, 3) by x, y and amplitude; arguments of `atom_patches`."""
    residual, weight = images
    reach = stamps.shape[3] // 2
    line = np.empty((3, stamps.shape[3]), dtype=np.float32)
    for n in range(len(atoms)):
        bx, px, dx = phase_of(atoms[n, 0], PHASES)
        by, py, dy = phase_of(atoms[n, 1], PHASES)
        stamp, a = stamps[kinds[n], PHASES * py + px], np.float32(atoms[n, 2])
        c0, c1 = max(0, bx - reach), min(residual.shape[1], bx + reach + 1)
        out[n] = 0.0
        if c0 >= c1:
            continue
        k0 = c0 - bx + reach
        for r in range(max(0, by - reach), min(residual.shape[0], by + reach + 1)):
            slopes_of_row(stamp, r - by + reach, a, np.float32(dx), np.float32(dy), line)
            error, trust = residual[r, c0:c1], weight[r, c0:c1]
            sx = sy = sa = np.float32(0.0)
            for c in range(c1 - c0):
                pull = error[c] * trust[c]
                sx += pull * line[0, k0 + c]
                sy += pull * line[1, k0 + c]
                sa += pull * line[2, k0 + c]
            out[n, 0] += sx
            out[n, 1] += sy
            out[n, 2] += sa


@compiled
def add_pair_row(
    weight: FloatImage, one: FloatImage, two: FloatImage, out: FloatArray
) -> None:  # pragma: no cover
    """Add one row's share to the 9 sums of `pair_blocks`."""
    b00 = b01 = b02 = b10 = b11 = b12 = b20 = b21 = b22 = np.float32(0.0)
    u0, u1, u2, v0, v1, v2 = one[0], one[1], one[2], two[0], two[1], two[2]
    for c in range(len(weight)):
        w0, w1, w2 = weight[c] * u0[c], weight[c] * u1[c], weight[c] * u2[c]
        b00 += w0 * v0[c]
        b01 += w0 * v1[c]
        b02 += w0 * v2[c]
        b10 += w1 * v0[c]
        b11 += w1 * v1[c]
        b12 += w1 * v2[c]
        b20 += w2 * v0[c]
        b21 += w2 * v1[c]
        b22 += w2 * v2[c]
    out[0] += b00
    out[1] += b01
    out[2] += b02
    out[3] += b10
    out[4] += b11
    out[5] += b12
    out[6] += b20
    out[7] += b21
    out[8] += b22


@compiled
def pair_blocks(
    weight: FloatImage,
    bases: NDArray[np.intp],
    jac: FloatImage,
    pairs: NDArray[np.intp],
    out: FloatArray,
) -> None:  # pragma: no cover
    """Curvature that couples two overlapping atoms.

    Args:
        weight: (rows, columns) inverse variance.
        bases: (n, 2) column and row of the pixel in the middle of each patch.
        jac: (n, 3, side, side) of `atom_patches`.
        pairs: (m, 2) indices of overlapping atoms.
        out: (m, 9): derivative of the first atom (x, y, a) by the second (x, y, a), row by row.
    """
    reach = jac.shape[2] // 2
    for m in range(len(pairs)):
        one, two = pairs[m, 0], pairs[m, 1]
        x1, y1, x2, y2 = bases[one, 0], bases[one, 1], bases[two, 0], bases[two, 1]
        c0, c1 = max(0, max(x1, x2) - reach), min(weight.shape[1], min(x1, x2) + reach + 1)
        r0, r1 = max(0, max(y1, y2) - reach), min(weight.shape[0], min(y1, y2) + reach + 1)
        out[m] = 0.0
        if c0 >= c1:
            continue
        k1, k2, width = c0 - x1 + reach, c0 - x2 + reach, c1 - c0
        for r in range(r0, r1):
            add_pair_row(
                weight[r, c0:c1],
                jac[one, :, r - y1 + reach, k1 : k1 + width],
                jac[two, :, r - y2 + reach, k2 : k2 + width],
                out[m],
            )


@compiled
def add_columns(
    columns: FloatImage, atoms: FloatArray, tables: FloatImage, orders: NDArray[np.intp]
) -> None:  # pragma: no cover
    """Add separable functions around every atom, one image for each function.

    Args:
        columns: (k, rows, columns), changed in place.
        atoms: (n, 3) column, row, amplitude.
        tables: (places, functions of one axis, side) values at the pixels around an atom.
        orders: (k, 2) function along x and along y.
    """
    places, reach = tables.shape[0], tables.shape[2] // 2
    for n in range(len(atoms)):
        bx, px, _ = phase_of(atoms[n, 0], places)
        by, py, _ = phase_of(atoms[n, 1], places)
        c0, c1 = max(0, bx - reach), min(columns.shape[2], bx + reach + 1)
        if c0 >= c1:
            continue
        k0, k1 = c0 - bx + reach, c1 - bx + reach
        amplitude = np.float32(atoms[n, 2])
        for k in range(len(orders)):
            along = tables[px, orders[k, 0], k0:k1]
            for r in range(max(0, by - reach), min(columns.shape[1], by + reach + 1)):
                share = amplitude * tables[py, orders[k, 1], r - by + reach]
                row = columns[k, r, c0:c1]
                for c in range(c1 - c0):
                    row[c] += share * along[c]


@compiled
def project_columns(
    weighted: FloatImage, bases: NDArray[np.intp], jac: FloatImage, out: FloatArray
) -> None:  # pragma: no cover
    """Sums of images under each atom's derivatives.

    Args:
        weighted: (k, rows, columns) images times weight.
        bases: (n, 2) column and row of the pixel in the middle of each patch.
        jac: (n, 3, side, side) of `atom_patches`.
        out: (n, k, 3).
    """
    reach = jac.shape[2] // 2
    for n in range(len(bases)):
        bx, by = bases[n, 0], bases[n, 1]
        c0, c1 = max(0, bx - reach), min(weighted.shape[2], bx + reach + 1)
        out[n] = 0.0
        if c0 >= c1:
            continue
        k0, k1 = c0 - bx + reach, c1 - bx + reach
        for k in range(len(weighted)):
            for r in range(max(0, by - reach), min(weighted.shape[1], by + reach + 1)):
                i, row = r - by + reach, weighted[k, r, c0:c1]
                jx, jy, ja = jac[n, 0, i, k0:k1], jac[n, 1, i, k0:k1], jac[n, 2, i, k0:k1]
                sx = sy = sa = np.float32(0.0)
                for c in range(c1 - c0):
                    sx += row[c] * jx[c]
                    sy += row[c] * jy[c]
                    sa += row[c] * ja[c]
                out[n, k, 0] += sx
                out[n, k, 1] += sy
                out[n, k, 2] += sa


@compiled
def spread_columns(
    columns: FloatImage, bases: NDArray[np.intp], jac: FloatImage, moves: FloatImage
) -> None:  # pragma: no cover
    """Subtract from images what atoms make of their moves.

    Args:
        columns: (k, rows, columns), changed in place.
        bases: (n, 2) column and row of the pixel in the middle of each patch.
        jac: (n, 3, side, side) of `atom_patches`.
        moves: (k, n, 3) of x, y and amplitude.
    """
    reach = jac.shape[2] // 2
    for k in range(len(columns)):
        for n in range(len(bases)):
            bx, by = bases[n, 0], bases[n, 1]
            c0, c1 = max(0, bx - reach), min(columns.shape[2], bx + reach + 1)
            if c0 >= c1:
                continue
            k0, k1 = c0 - bx + reach, c1 - bx + reach
            mx, my, ma = moves[k, n, 0], moves[k, n, 1], moves[k, n, 2]
            for r in range(max(0, by - reach), min(columns.shape[1], by + reach + 1)):
                i, row = r - by + reach, columns[k, r, c0:c1]
                jx, jy, ja = jac[n, 0, i, k0:k1], jac[n, 1, i, k0:k1], jac[n, 2, i, k0:k1]
                for c in range(c1 - c0):
                    row[c] -= mx * jx[c] + my * jy[c] + ma * ja[c]
