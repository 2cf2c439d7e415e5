"""Fit all atoms and the background of a frame at once, weighted by the shot noise.

Every atom has a position and an amplitude, the background a value per node; the probe is known.
Neighbours overlap, so fitting atoms one by one is neither efficient nor honest about sigma: here
the normal equations of the whole frame are solved together. No lattice enters, hence no pull
towards one. Quasi-likelihood weights (McCullagh and Nelder, doi:10.1201/9780203753736): inverse
variance at the current model, so Poisson noise biases nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from inference_service.detector.atom_kernels import (
    add_atoms,
    atom_gradients,
    atom_patches,
    pair_blocks,
)
from inference_service.detector.background import Background
from inference_service.detector.block_system import BlockSystem, NodeLinks, solve
from inference_service.detector.probe import Probe

__all__ = [
    "HEAVY",
    "LIGHT",
    "Fit",
    "Normals",
    "Threads",
    "held",
    "moved",
    "normals",
    "render_atoms",
    "renewed",
    "step",
]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

LIGHT: Final = 0
HEAVY: Final = 1
PATCH_S: Final = 3.2
"""Half the edge of the patch that an atom is fitted on, in probe widths: the slope of a Gaussian
is below 2 % of its peak outside."""
RENDER_S: Final = (4.1, 7.0)
"""The same for rendering light and heavy atoms; the latter's tails reach their neighbours."""
MAX_REACH_PX: Final = 60
"""Patches never exceed this, whatever a width becomes on its way."""
OVERLAP_S: Final = 5.8
"""Atoms further apart than this many probe widths overlap by less than 0.2 %: second neighbours
still do where aberrations have put rings around the core."""
MAX_SHIFT_S: Final = 0.5
"""Largest move of an atom in one step, in probe widths."""
LOOSE_S: Final = 0.5
"""Standard error, in probe widths, beyond which a step of a position is held back. It holds only
the step, not the position: where the fit ends, nothing holds."""
LOOSE_AMPLITUDE: Final = 2.0
"""The same of amplitudes, over the typical one."""
LEAST_AMPLITUDE: Final = 0.02
"""Amplitudes stay above this fraction of the frame's median."""
HEAVY_FROM: Final = 2.5
"""Brightness over the typical atom's from which an atom is heavy: between O and Si."""


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
    """(n, 3) column, row and amplitude; px but for the amplitude."""
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
    def heavy(self) -> NDArray[np.bool_]:
        """(n,) which atoms are heavy."""
        return np.asarray(self.atoms[:, 2] > HEAVY_FROM * self.typical)


@dataclass(frozen=True)
class Patches:
    """Derivatives of every atom on the pixels around it."""

    bases: NDArray[np.intp]
    """(n, 2) column and row of the pixel in the middle."""
    jac: FloatImage
    """(n, 3, side, side) by x, y and amplitude."""
    sums: FloatArray
    """(n, 12) of `atom_patches`."""


@dataclass(frozen=True)
class Normals:
    """The normal equations at one state."""

    system: BlockSystem
    gradient: FloatArray
    """(n, 3) of the atoms."""
    node_gradient: FloatArray
    """(row nodes, column nodes)."""
    patches: Patches
    images: tuple[FloatImage, FloatImage]
    """Residual and weight, (rows, columns)."""


def render_atoms(
    fit: Fit,
    probe: Probe,
    shape: tuple[int, int],
    threads: Threads,
    kinds: Sequence[int] = (LIGHT, HEAVY),
) -> FloatImage:
    """Image of the atoms of these kinds alone, (rows, columns)."""
    image = np.zeros(shape, dtype=np.float32)
    heavy = fit.heavy
    for kind in kinds:
        atoms = fit.atoms[heavy == bool(kind)]
        if len(atoms) > 0:
            reach = reach_px(RENDER_S[kind], probe)
            add_kind(image, atoms, probe.stamps(reach, heavy=bool(kind)), threads)
    return image


def add_kind(image: FloatImage, atoms: FloatArray, stamps: FloatImage, threads: Threads) -> None:
    """Add the atoms of one kind to an image."""
    ordered = atoms[np.argsort(atoms[:, 1])]
    reach = stamps.shape[2] // 2 + 1.0

    def band(first: int, end: int) -> None:
        low, high = np.searchsorted(ordered[:, 1], [first - reach, end + reach])
        add_atoms(image, ordered[low:high], stamps, first, end)

    threads.each(band, image.shape[0])


def reach_px(widths: float, probe: Probe) -> int:
    """Half the edge of a patch, in whole pixels."""
    return int(min(np.ceil(widths * probe.s), MAX_REACH_PX))


def normals(
    fit: Fit,
    probe: Probe,
    background: Background,
    images: tuple[FloatImage, FloatImage],
    threads: Threads,
) -> Normals:
    """Assemble gradient and curvature of the whole frame.

    Args:
        fit: The current state, n atoms.
        probe: What one atom looks like.
        background: The nodes' basis.
        images: Residual (measured minus model) and weight (inverse variance; 0 where a pixel is
            not to be believed), (rows, columns).
        threads: Where to compute.
    """
    stamps, n = both_stamps(probe), len(fit.atoms)
    side = stamps.shape[3]
    jac, sums = np.zeros((n, 3, side, side), dtype=np.float32), np.empty((n, 12))
    kinds = fit.heavy.astype(np.intp)

    def piece(a: int, b: int) -> None:
        atom_patches(images, fit.atoms[a:b], stamps, kinds[a:b], jac[a:b], sums[a:b])

    threads.each(piece, n)
    patches = Patches(np.floor(fit.atoms[:, :2] + 0.5).astype(np.intp), jac, sums)
    system = curvature(fit, probe, background, patches, images[1], threads)
    pull = background.project(images[0] * images[1])
    return Normals(system, sums[:, :3].copy(), pull, patches, images)


def renewed(
    equations: Normals,
    fit: Fit,
    probe: Probe,
    background: Background,
    images: tuple[FloatImage, FloatImage],
    threads: Threads,
) -> Normals:
    """The same equations with the gradient of another state nearby: it decides where a fit ends."""
    stamps, kinds = both_stamps(probe), fit.heavy.astype(np.intp)
    gradient = np.empty((len(fit.atoms), 3))

    def piece(a: int, b: int) -> None:
        atom_gradients(images, fit.atoms[a:b], stamps, kinds[a:b], gradient[a:b])

    threads.each(piece, len(gradient))
    pull = background.project(images[0] * images[1])
    return replace(equations, gradient=gradient, node_gradient=pull, images=images)


def both_stamps(probe: Probe) -> FloatImage:
    """(2, PHASES², LAYERS, side, side) of light and heavy atoms, for the patches fitted on."""
    reach = reach_px(PATCH_S, probe)
    return np.stack([probe.stamps(reach, heavy=heavy) for heavy in (False, True)])


def curvature(
    fit: Fit,
    probe: Probe,
    background: Background,
    patches: Patches,
    weight: FloatImage,
    threads: Threads,
) -> BlockSystem:
    """Put the curvature together out of what atoms and pairs of them sum up to."""
    sums = patches.sums
    pairs = overlapping(fit, probe)
    blocks = np.empty((len(pairs), 9))

    def piece(a: int, b: int) -> None:
        pair_blocks(weight, patches.bases, patches.jac, pairs[a:b], blocks[a:b])

    threads.each(piece, len(pairs))
    nodes, shares = background.shares(fit.atoms[:, :2], probe.s)
    return BlockSystem(
        own=sums[:, [3, 4, 5, 4, 6, 7, 5, 7, 8]].reshape(-1, 3, 3),
        pairs=pairs,
        blocks=blocks.reshape(-1, 3, 3),
        links=NodeLinks(nodes, shares, np.ascontiguousarray(sums[:, 9:])),
        stencil=background.curvature(weight),
    )


def overlapping(fit: Fit, probe: Probe) -> NDArray[np.intp]:
    """(m, 2) indices of the atoms that share pixels."""
    tree = cKDTree(fit.atoms[:, :2])
    return np.asarray(tree.query_pairs(OVERLAP_S * probe.s, output_type="ndarray"), dtype=np.intp)


def step(fit: Fit, equations: Normals, width: float, damping: float, tolerance: float) -> Fit:
    """Solve the normal equations and move.

    Args:
        fit: The current state.
        equations: There.
        width: Of the probe, px.
        damping: Relative weight on the diagonal (Marquardt, doi:10.1137/0111030).
        tolerance: Of the solution, relative.
    """
    system = held(equations.system, fit, width, damping)
    return moved(fit, *solve(system, equations.gradient, equations.node_gradient, tolerance), width)


def held(system: BlockSystem, fit: Fit, width: float, damping: float) -> BlockSystem:
    """The same system, steps of what is hardly determined held back."""
    own = system.own.copy()
    ease = np.array([LOOSE_S * width, LOOSE_S * width, LOOSE_AMPLITUDE * abs(fit.typical) + 1e-30])
    diagonal = np.einsum("nkk->nk", own)
    diagonal *= 1.0 + damping
    diagonal += 1.0 / ease**2
    return replace(system, own=own)


def moved(fit: Fit, move: FloatArray, lift: FloatArray, width: float) -> Fit:
    """Move atoms, each at most `MAX_SHIFT_S`, and lift the background; nothing, if undetermined."""
    move, lift = (np.nan_to_num(part, nan=0.0, posinf=0.0, neginf=0.0) for part in (move, lift))
    length = np.hypot(move[:, 0], move[:, 1])
    shrink = np.minimum(1.0, MAX_SHIFT_S * width / np.maximum(length, 1e-12))
    atoms = fit.atoms.copy()
    atoms[:, :2] += move[:, :2] * shrink[:, None]
    least = LEAST_AMPLITUDE * float(np.median(np.abs(fit.atoms[:, 2])))
    atoms[:, 2] = np.maximum(atoms[:, 2] + move[:, 2], least)
    return replace(fit, atoms=atoms, nodes=fit.nodes + lift)
