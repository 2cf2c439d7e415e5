"""Standard errors of the joint fit: marginal, neighbours and background free.

The inverse of the whole curvature is never formed. What an atom's neighbours leave of its
information is passed from atom to atom until it settles (Gaussian belief propagation; Weiss and
Freeman, doi:10.1162/089976601750541769): exact on trees, and near it where overlaps are weak, as
those of atoms a bond apart.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.block_system import BlockSystem, solve
from inference_service.detector.compiled import compiled

__all__ = ["atom_covariances"]

FloatArray = NDArray[np.float64]

ROUNDS: Final = 4
"""Rounds of messages: information comes from atoms this many bonds away."""
WEAK: Final = 0.03
"""Coupling, over the atoms' own information, below which a pair is left out: less than a
thousandth of the information passes."""
RIDGE: Final = 1e-3
"""Relative weight on the diagonal that keeps nearly coincident atoms invertible."""
LEVEL_TOLERANCE: Final = 0.03


def atom_covariances(system: BlockSystem) -> FloatArray:
    """Marginal covariance of x, y and amplitude of each atom.

    Args:
        system: Curvature of the whole frame.

    Returns:
        (n, 4): variances of x, y, amplitude, and the covariance of x and y; NaN where the
        neighbours leave nothing.
    """
    own = system.own.copy()
    np.einsum("nkk->nk", own)[:] *= 1.0 + RIDGE
    np.einsum("nkk->nk", own)[:] += 1e-300
    precision = np.empty_like(own)
    strong = np.flatnonzero(coupling(system) > WEAK)
    propagate(own, system.pairs[strong], system.blocks[strong], precision)
    sound = np.isfinite(precision).all(axis=(1, 2))
    precision[~sound] = np.eye(3)
    sound &= np.linalg.det(precision) > 0
    precision[~sound] = np.eye(3)
    covariance = np.linalg.inv(precision) + level_share(system)
    covariance[~sound] = np.nan
    xx, yy, aa, xy = (covariance[:, i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1)))
    return np.stack([xx, yy, aa, xy], axis=1)


def coupling(system: BlockSystem) -> FloatArray:
    """Largest coupling of each pair over the geometric mean of its atoms' information, (m,)."""
    scale = 1.0 / np.sqrt(np.maximum(np.einsum("nkk->nk", system.own), 1e-300))
    one, two = scale[system.pairs[:, 0]], scale[system.pairs[:, 1]]
    return np.asarray(np.abs(system.blocks * one[:, :, None] * two[:, None, :]).max(axis=(1, 2)))


def level_share(system: BlockSystem) -> FloatArray:
    """Covariance that the unknown level of the background adds, (n, 3, 3).

    Each node's level is known from its own surroundings, once the atoms there have taken theirs.
    """
    links = system.links
    answer, _ = solve(
        system=detached(system),
        right=links.levels,
        right_nodes=np.zeros(system.stencil.shape[:2]),
        tolerance=LEVEL_TOLERANCE,
    )
    taken = (links.levels * answer).sum(axis=1)
    total = system.stencil.sum(axis=2).ravel()
    known = total - np.bincount(
        links.nodes.ravel(), (links.shares * taken[:, None]).ravel(), minlength=total.size
    )
    known = np.maximum(known, 0.02 * total + 1e-300)
    information = (links.shares * known[links.nodes]).sum(axis=1)
    return np.asarray(answer[:, :, None] * answer[:, None, :] / information[:, None, None])


def detached(system: BlockSystem) -> BlockSystem:
    """The atoms alone: no background."""
    links = system.links
    loose = type(links)(links.nodes, links.shares, np.zeros_like(links.levels))
    return BlockSystem(system.own, system.pairs, system.blocks, loose, system.stencil)


@compiled
def inverse(m: FloatArray, out: FloatArray) -> bool:  # pragma: no cover
    """Invert a symmetric 3 x 3 matrix; False, and zero, where it is not positive."""
    c00 = m[1, 1] * m[2, 2] - m[1, 2] * m[1, 2]
    c01 = m[0, 2] * m[1, 2] - m[0, 1] * m[2, 2]
    c02 = m[0, 1] * m[1, 2] - m[0, 2] * m[1, 1]
    c11 = m[0, 0] * m[2, 2] - m[0, 2] * m[0, 2]
    c12 = m[0, 1] * m[0, 2] - m[0, 0] * m[1, 2]
    c22 = m[0, 0] * m[1, 1] - m[0, 1] * m[0, 1]
    determinant = m[0, 0] * c00 + m[0, 1] * c01 + m[0, 2] * c02
    if not (m[0, 0] > 0.0 and c22 > 0.0 and determinant > 0.0):
        out[:] = 0.0
        return False
    part = 1.0 / determinant
    out[0, 0], out[1, 1], out[2, 2] = c00 * part, c11 * part, c22 * part
    out[0, 1], out[0, 2], out[1, 2] = c01 * part, c02 * part, c12 * part
    out[1, 0], out[2, 0], out[2, 1] = out[0, 1], out[0, 2], out[1, 2]
    return True


@compiled
def message(
    cavity: FloatArray, block: FloatArray, work: FloatArray, out: FloatArray
) -> None:  # pragma: no cover
    """Information that a free neighbour takes: block^T cavity^-1 block."""
    if not inverse(cavity, work):
        return
    for i in range(3):
        for j in range(i, 3):
            total = 0.0
            for k in range(3):
                for n in range(3):
                    total += block[k, i] * work[k, n] * block[n, j]
            out[i, j] = total
            out[j, i] = total


@compiled
def propagate(
    own: FloatArray, pairs: NDArray[np.intp], blocks: FloatArray, precision: FloatArray
) -> None:  # pragma: no cover
    """Fill each atom's (3, 3) information, its neighbours being free."""
    sent = np.zeros((len(pairs), 2, 3, 3))
    fresh = np.zeros((len(pairs), 2, 3, 3))
    work, cavity, turned = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3))
    precision[:] = own
    for _ in range(ROUNDS):
        for m in range(len(pairs)):
            p, q = pairs[m, 0], pairs[m, 1]
            cavity[:] = precision[p] + sent[m, 1]
            message(cavity, blocks[m], work, fresh[m, 0])
            cavity[:] = precision[q] + sent[m, 0]
            for k in range(3):
                turned[k] = blocks[m, :, k]
            message(cavity, turned, work, fresh[m, 1])
        sent[:] = fresh
        precision[:] = own
        for m in range(len(pairs)):
            precision[pairs[m, 1]] -= sent[m, 0]
            precision[pairs[m, 0]] -= sent[m, 1]
