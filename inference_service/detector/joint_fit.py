"""Fit all atoms and the background of a frame at once, weighted by the shot noise.

Every atom has a position and an amplitude, the probe one width, the background a value per node.
Neighbours overlap, so fitting atoms one by one is neither efficient nor honest about sigma: here
the normal equations of the whole frame are assembled sparsely and solved together. No lattice
enters, hence no pull towards one. Quasi-likelihood weights (McCullagh and Nelder,
doi:10.1201/9780203753736): inverse variance at the current model, so Poisson noise biases nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg
from scipy.spatial import cKDTree

from inference_service.detector.atom_kernels import (
    PATCH_S,
    RENDER_S,
    add_atoms,
    atom_normals,
    node_coupling,
    pair_blocks,
)
from inference_service.detector.background import Background

__all__ = ["Fit", "Normals", "Threads", "normals", "render_atoms", "step"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

OVERLAP_S: Final = 5.2
"""Atoms further apart than this many probe widths overlap by less than 0.2 %."""
CG_TOLERANCE: Final = 1e-3
CG_STEPS: Final = 60
MAX_SHIFT_S: Final = 0.5
"""Largest move of an atom in one step, in probe widths."""
LEAST_AMPLITUDE: Final = 0.02
"""Amplitudes stay above this fraction of the frame's median."""


@dataclass(frozen=True)
class Threads:
    """An executor and how many pieces to cut work into."""

    executor: Executor
    count: int

    def each(self, work: Callable[[int, int], None], total: int) -> None:
        """Call `work(first, end)` on consecutive pieces of range(total), all at once."""
        edges = np.linspace(0, total, self.count + 1).astype(int)
        jobs = [self.executor.submit(work, int(a), int(b)) for a, b in itertools.pairwise(edges)]
        for job in jobs:
            job.result()


@dataclass(frozen=True)
class Fit:
    """The state of the fit."""

    atoms: FloatArray
    """(n, 4) column, row, amplitude and width s of the core; px but for the amplitude."""
    nodes: FloatArray
    """(row nodes, column nodes) of the background."""
    sure: NDArray[np.bool_]
    """(n,) which atoms are sure to be there: they say what is typical."""

    @property
    def typical(self) -> float:
        """Median amplitude of the atoms that are sure, or of all where none is."""
        amplitude = self.atoms[:, 2]
        return float(np.median(amplitude[self.sure] if self.sure.any() else amplitude))

    @property
    def widest(self) -> float:
        """Largest width of any atom, px."""
        return float(self.atoms[:, 3].max())


@dataclass(frozen=True)
class Normals:
    """The normal equations at one state: unknowns are x, y, a of each atom, then the nodes."""

    matrix: sparse.csr_array
    gradient: FloatArray


@dataclass(frozen=True)
class Parts:
    """Pieces of the curvature matrix, as the compiled loops return them."""

    own: FloatArray
    """(n, 9) of `atom_normals`."""
    pairs: NDArray[np.intp]
    """(m, 2)."""
    blocks: FloatArray
    """(m, 9) of `pair_blocks`."""
    first_nodes: NDArray[np.intp]
    """(n, 2) first row node and column node of each patch."""
    coupling: FloatArray
    """(n, 3, 3, 3) of `node_coupling`."""

    def node_ids(self, shape: tuple[int, int]) -> NDArray[np.intp]:
        """Node of each coupling, (n, 3, 9); -1 beyond the grid."""
        i = self.first_nodes[:, 0, None, None] + np.arange(3)[:, None]
        j = self.first_nodes[:, 1, None, None] + np.arange(3)
        ids = np.where((i < shape[0]) & (j < shape[1]), i * shape[1] + j, -1)
        return np.repeat(ids.reshape(-1, 1, 9), 3, axis=1)


def render_atoms(atoms: FloatArray, shape: tuple[int, int], threads: Threads) -> FloatImage:
    """Image of the (n, 4) atoms alone, (rows, columns)."""
    image = np.zeros(shape, dtype=np.float32)
    ordered = atoms[np.argsort(atoms[:, 1])]
    reach = RENDER_S * float(atoms[:, 3].max()) + 2.0

    def band(first: int, end: int) -> None:
        low, high = np.searchsorted(ordered[:, 1], [first - reach, end + reach])
        add_atoms(image, ordered[low:high], first, end)

    threads.each(band, shape[0])
    return image


def normals(
    fit: Fit,
    background: Background,
    residual: FloatImage,
    weight: FloatImage,
    threads: Threads,
    curvature: sparse.csr_array | None = None,
) -> Normals:
    """Assemble gradient and curvature of the whole frame.

    Args:
        fit: The current state, n atoms.
        background: The nodes' basis.
        residual: (rows, columns) measured minus model.
        weight: (rows, columns) inverse variance; 0 where a pixel is not to be believed.
        threads: Where to compute.
        curvature: Of a nearby state, to use again; the gradient alone decides where a fit ends.
    """
    own = np.empty((len(fit.atoms), 9))

    def piece(a: int, b: int) -> None:
        atom_normals(residual, weight, fit.atoms[a:b], own[a:b])

    threads.each(piece, len(own))
    gradient = [own[:, :3].ravel(), background.project(residual * weight).ravel()]
    if curvature is None:
        curvature = assemble(couplings(fit, background, weight, own, threads), background, weight)
    return Normals(curvature, np.concatenate(gradient))


def couplings(
    fit: Fit, background: Background, weight: FloatImage, own: FloatArray, threads: Threads
) -> Parts:
    """What couples atoms to each other and to the background."""
    pairs = overlapping(fit)
    blocks = np.empty((len(pairs), 9))
    coupling = np.empty((len(fit.atoms), 3, 3, 3))
    first_nodes = background.first_nodes(fit.atoms[:, :2], int(np.ceil(PATCH_S * fit.widest)))

    def pair_piece(a: int, b: int) -> None:
        pair_blocks(weight, fit.atoms, pairs[a:b], blocks[a:b])

    def node_piece(a: int, b: int) -> None:
        node_coupling(weight, fit.atoms[a:b], background.hats, first_nodes[a:b], coupling[a:b])

    threads.each(pair_piece, len(pairs))
    threads.each(node_piece, len(coupling))
    return Parts(own, pairs, blocks, first_nodes, coupling)


def overlapping(fit: Fit) -> NDArray[np.intp]:
    """(m, 2) indices of the atoms that share pixels."""
    tree = cKDTree(fit.atoms[:, :2])
    return np.asarray(
        tree.query_pairs(OVERLAP_S * fit.widest, output_type="ndarray"), dtype=np.intp
    )


def assemble(parts: Parts, background: Background, weight: FloatImage) -> sparse.csr_array:
    """Sparse curvature matrix from its parts."""
    n = len(parts.own)
    unknown = 3 * np.arange(n)[:, None] + np.arange(3)
    first, second = unknown[parts.pairs[:, 0]], unknown[parts.pairs[:, 1]]
    pair_rows, pair_cols = np.repeat(first, 3, axis=1).ravel(), np.tile(second, (1, 3)).ravel()
    node_ids = parts.node_ids(background.shape)
    there = node_ids >= 0
    atom_side = np.broadcast_to(unknown[:, :, None], there.shape)[there]
    node_side = 3 * n + node_ids[there]
    shared = parts.coupling.reshape(n, 3, 9)[there]
    i, j, overlap = background.curvature(weight)
    rows = [np.repeat(unknown, 3, axis=1).ravel(), pair_rows, pair_cols, atom_side, node_side]
    cols = [np.tile(unknown, (1, 3)).ravel(), pair_cols, pair_rows, node_side, atom_side]
    square = parts.own[:, [3, 4, 5, 4, 6, 7, 5, 7, 8]].ravel()
    data = [square, parts.blocks.ravel(), parts.blocks.ravel(), shared, shared, overlap]
    size = 3 * n + background.shape[0] * background.shape[1]
    index = np.concatenate([*rows, 3 * n + i]), np.concatenate([*cols, 3 * n + j])
    return sparse.coo_array((np.concatenate(data), index), shape=(size, size)).tocsr()


def step(fit: Fit, equations: Normals, damping: float) -> Fit:
    """Solve the normal equations and move, each atom at most `MAX_SHIFT_S`."""
    solution = solve(equations, damping)
    n = len(fit.atoms)
    move = solution[: 3 * n].reshape(n, 3)
    length = np.hypot(move[:, 0], move[:, 1])
    limit = MAX_SHIFT_S * fit.atoms[:, 3]
    shrink = np.minimum(1.0, limit / np.maximum(length, 1e-12))
    atoms = fit.atoms.copy()
    atoms[:, :2] += move[:, :2] * shrink[:, None]
    least = LEAST_AMPLITUDE * float(np.median(np.abs(fit.atoms[:, 2])))
    atoms[:, 2] = np.maximum(atoms[:, 2] + move[:, 2], least)
    return replace(fit, atoms=atoms, nodes=fit.nodes + solution[3 * n :].reshape(fit.nodes.shape))


def solve(equations: Normals, damping: float) -> FloatArray:
    """Conjugate gradients on the system scaled to a unit diagonal."""
    diagonal = equations.matrix.diagonal()
    scale = 1.0 / np.sqrt(np.maximum(diagonal, 1e-12 * float(diagonal.max()) + 1e-300))
    matrix = equations.matrix

    def product(v: FloatArray) -> FloatArray:
        return np.asarray(scale * (matrix @ (scale * v)) + damping * v)

    operator = LinearOperator(matrix.shape, matvec=product, dtype=np.float64)
    scaled, _ = cg(operator, scale * equations.gradient, rtol=CG_TOLERANCE, maxiter=CG_STEPS)
    return np.asarray(scale * scaled)
