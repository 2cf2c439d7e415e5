"""Standard errors of the joint fit: marginal, neighbours and background free.

The inverse of the whole curvature matrix is never formed. Of each atom, the unknowns that
couple to it directly or through one neighbour are inverted together and the rest held: what lies
further away changes its standard error by well below one percent.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from inference_service.detector.compiled import compiled
from inference_service.detector.joint_fit import Threads

__all__ = ["atom_covariances"]

FloatArray = NDArray[np.float64]

MAX_UNKNOWNS: Final = 96
RIDGE: Final = 1e-3
"""Relative weight on the diagonal that keeps nearly coincident atoms invertible."""


def atom_covariances(matrix: sparse.csr_array, n_atoms: int, threads: Threads) -> FloatArray:
    """Marginal covariance of x, y and amplitude of each atom.

    Args:
        matrix: Curvature of the whole frame; atoms first, three unknowns each.
        n_atoms: Number of atoms.
        threads: Where to compute.

    Returns:
        (n, 4): variances of x, y, amplitude, and the covariance of x and y.
    """
    out = np.empty((n_atoms, 4))
    indptr, indices = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)

    def piece(first: int, end: int) -> None:
        marginals(indptr, indices, matrix.data, (first, end, n_atoms), out)

    threads.each(piece, n_atoms)
    return out


@compiled
def gather(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int64],
    atom: int,
    n_atoms: int,
    place: NDArray[np.int64],
    chosen: NDArray[np.int64],
) -> int:  # pragma: no cover
    """Choose an atom's unknowns, its neighbours', theirs, and its nodes; returns the count."""
    count = 0
    for k in range(3):
        chosen[count] = 3 * atom + k
        place[3 * atom + k] = count
        count += 1
    for shell in range(2):
        known = count
        for c in range(0 if shell == 0 else 3, known):
            u = chosen[c]
            if u >= 3 * n_atoms:
                continue
            for e in range(indptr[u], indptr[u + 1]):
                v = indices[e]
                new_node = v >= 3 * n_atoms and shell == 0
                if place[v] < 0 and count < MAX_UNKNOWNS and (v < 3 * n_atoms or new_node):
                    place[v] = count
                    chosen[count] = v
                    count += 1
    return count


@compiled
def marginals(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int64],
    data: FloatArray,
    span: tuple[int, int, int],
    out: FloatArray,
) -> None:  # pragma: no cover
    """Eliminate all but the atom's own three unknowns and invert what remains.

    Only the lower triangle is kept up to date. `span` is the first atom, the one after the last,
    and their number in all.
    """
    first, end, n_atoms = span
    place = np.full(len(indptr) - 1, -1, dtype=np.int64)
    chosen = np.empty(MAX_UNKNOWNS, dtype=np.int64)
    block = np.empty((MAX_UNKNOWNS, MAX_UNKNOWNS))
    for atom in range(first, end):
        count = gather(indptr, indices, atom, n_atoms, place, chosen)
        block[:count, :count] = 0.0
        for a in range(count):
            u = chosen[a]
            for e in range(indptr[u], indptr[u + 1]):
                b = place[indices[e]]
                if b >= 0:
                    block[a, b] = data[e]
            block[a, a] = block[a, a] * (1.0 + RIDGE) + 1e-30
        for c in range(count):
            place[chosen[c]] = -1
        for pivot in range(count - 1, 2, -1):
            inverse = 1.0 / block[pivot, pivot]
            row = block[pivot]
            for a in range(pivot):
                factor = row[a] * inverse
                if factor != 0.0:
                    target = block[a]
                    for b in range(a + 1):
                        target[b] -= factor * row[b]
        own = block[:3, :3].copy()
        own[0, 1], own[0, 2], own[1, 2] = own[1, 0], own[2, 0], own[2, 1]
        inverted = np.linalg.inv(own)
        out[atom, 0], out[atom, 1] = inverted[0, 0], inverted[1, 1]
        out[atom, 2], out[atom, 3] = inverted[2, 2], inverted[0, 1]
