"""The normal equations of a frame in small blocks, and their solution.

Unknowns are x, y and amplitude of every atom and the background's nodes. An atom couples to
itself, to the atoms it overlaps, and, through the level of the background beneath it, to the nine
nodes around it; nodes couple to the eight next to them. Nothing larger is ever stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.compiled import compiled

__all__ = ["BlockSystem", "NodeLinks", "solve"]

FloatArray = NDArray[np.float64]

MOST_STEPS: Final = 60
"""Conjugate gradient steps after which an answer is taken as it is."""
NODE_RIDGE: Final = 0.03
"""Relative weight on the nodes' diagonal: their links to atoms are known to a few percent only,
and the system must stay positive."""


@dataclass(frozen=True)
class NodeLinks:
    """How atoms hang on the background."""

    nodes: NDArray[np.intp]
    """(n, 9) nodes around each atom."""
    shares: FloatArray
    """(n, 9) what each of them contributes to the level at the atom."""
    levels: FloatArray
    """(n, 3) curvature between x, y, amplitude of an atom and the level beneath it."""


@dataclass(frozen=True)
class BlockSystem:
    """Curvature of the whole frame at one state; information, in inverse variances."""

    own: FloatArray
    """(n, 3, 3) of each atom."""
    pairs: NDArray[np.intp]
    """(m, 2) atoms that overlap."""
    blocks: FloatArray
    """(m, 3, 3) of the first atom's unknowns by the second's."""
    links: NodeLinks
    stencil: FloatArray
    """(row nodes, column nodes, 9) of each node with itself and the eight around it."""


def solve(
    system: BlockSystem, right: FloatArray, right_nodes: FloatArray, tolerance: float
) -> tuple[FloatArray, FloatArray]:
    """Solve by conjugate gradients on the system scaled to a unit diagonal.

    Args:
        system: The curvature.
        right: (n, 3) right-hand side of the atoms.
        right_nodes: (row nodes, column nodes) of the background.
        tolerance: Residual to end at, relative to the right-hand side.

    Returns:
        (n, 3) and (row nodes, column nodes).
    """
    diagonal = np.einsum("nkk->nk", system.own)
    scale = 1.0 / np.sqrt(np.maximum(diagonal, 1e-12 * float(diagonal.max()) + 1e-300))
    middle = (1.0 + NODE_RIDGE) * system.stencil[..., 4]
    node_scale = 1.0 / np.sqrt(np.maximum(middle, 1e-6 * float(middle.max()) + 1e-300))
    stencil = system.stencil.copy()
    stencil[..., 4] = middle
    curvature = (system.own, system.pairs, system.blocks, stencil)
    links = (system.links.nodes, system.links.shares, system.links.levels)
    atoms, nodes = np.zeros_like(right), np.zeros_like(right_nodes)
    conjugate_gradients(
        curvature, links, (scale, node_scale), (right, right_nodes), (atoms, nodes), tolerance
    )
    return atoms, nodes


@compiled
def multiply_nodes(stencil: FloatArray, v: FloatArray, out: FloatArray) -> None:  # pragma: no cover
    """Multiply the nodes' own part of the curvature, all (row nodes, column nodes)."""
    rows, cols = v.shape
    for i in range(rows):
        for j in range(cols):
            total = 0.0
            for di in range(max(-1, -i), min(2, rows - i)):
                for dj in range(max(-1, -j), min(2, cols - j)):
                    total += stencil[i, j, 3 * (di + 1) + dj + 1] * v[i + di, j + dj]
            out[i, j] = total


@compiled
def multiply(
    curvature: tuple[FloatArray, NDArray[np.intp], FloatArray, FloatArray],
    links: tuple[NDArray[np.intp], FloatArray, FloatArray],
    v: tuple[FloatArray, FloatArray],
    out: tuple[FloatArray, FloatArray],
) -> None:  # pragma: no cover
    """Multiply the curvature, atoms (n, 3) and nodes (row nodes, column nodes)."""
    own, pairs, blocks, stencil = curvature
    nodes, shares, levels = links
    va, oa, flat = v[0], out[0], v[1].ravel()
    multiply_nodes(stencil, v[1], out[1])
    flat_out = out[1].ravel()
    for n in range(len(own)):
        level, pull = 0.0, 0.0
        for k in range(9):
            level += shares[n, k] * flat[nodes[n, k]]
        for k in range(3):
            pull += levels[n, k] * va[n, k]
            oa[n, k] = (
                own[n, k, 0] * va[n, 0]
                + own[n, k, 1] * va[n, 1]
                + own[n, k, 2] * va[n, 2]
                + levels[n, k] * level
            )
        for k in range(9):
            flat_out[nodes[n, k]] += shares[n, k] * pull
    for m in range(len(pairs)):
        p, q, block = pairs[m, 0], pairs[m, 1], blocks[m]
        for k in range(3):
            oa[p, k] += block[k, 0] * va[q, 0] + block[k, 1] * va[q, 1] + block[k, 2] * va[q, 2]
            oa[q, k] += block[0, k] * va[p, 0] + block[1, k] * va[p, 1] + block[2, k] * va[p, 2]


@compiled
def conjugate_gradients(
    curvature: tuple[FloatArray, NDArray[np.intp], FloatArray, FloatArray],
    links: tuple[NDArray[np.intp], FloatArray, FloatArray],
    scale: tuple[FloatArray, FloatArray],
    right: tuple[FloatArray, FloatArray],
    answer: tuple[FloatArray, FloatArray],
    tolerance: float,
) -> None:  # pragma: no cover
    """Improve the answer, which begins at zero, in place."""
    sa, sn = scale
    ra, rn = right[0] * sa, right[1] * sn
    pa, pn = ra.copy(), rn.copy()
    xa, xn = np.zeros_like(ra), np.zeros_like(rn)
    ma, mn = np.empty_like(ra), np.empty_like(rn)
    now = (ra * ra).sum() + (rn * rn).sum()
    end = tolerance * tolerance * now
    for _ in range(MOST_STEPS):
        if now <= end or now == 0.0:
            break
        multiply(curvature, links, (pa * sa, pn * sn), (ma, mn))
        ma *= sa
        mn *= sn
        bent = (pa * ma).sum() + (pn * mn).sum()
        if bent <= 0.0:
            break
        length = now / bent
        xa += length * pa
        xn += length * pn
        ra -= length * ma
        rn -= length * mn
        after = (ra * ra).sum() + (rn * rn).sum()
        pa = ra + (after / now) * pa
        pn = rn + (after / now) * pn
        now = after
    answer[0][:] = xa * sa
    answer[1][:] = xn * sn
