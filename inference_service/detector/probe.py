"""Estimate the probe's width and its tail from the frame itself.

The core is a Gaussian of standard deviation `s`; the tail, a second Gaussian `TAIL_WIDTH` times as
wide, carries what aberrations and source size leave outside the core. Without it every heavy
atom pulls its neighbours towards itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from inference_service.detector.joint_fit import Fit, Threads, render_atoms

__all__ = ["Probe", "improve_probe", "tail_image"]

FloatImage = NDArray[np.float32]

TAIL_WIDTH: Final = 2.2
"""Width of the tail over the core's."""
MAX_TAIL: Final = 0.12
"""Largest amplitude of the tail over the core's: about 40 % of all counts."""
COARSE_PX: Final = 4
"""Pixels per node of the grid on which tails are blurred; the blur itself is wider than two."""
WIDTH_STEP: Final = 0.02
"""Relative step of the numerical derivative by width."""
FWHM_PER_S: Final = 2.3548


@dataclass(frozen=True)
class Probe:
    """What one atom looks like."""

    s: float
    """Standard deviation of the core, px."""
    tail: float
    """Amplitude of the tail over the core's."""

    def volume(self) -> float:
        """Integral of an atom of unit amplitude, px²."""
        return float(2 * np.pi * self.s**2 * (1 + self.tail * TAIL_WIDTH**2))


def tail_image(fit: Fit, tail: float, shape: tuple[int, int]) -> FloatImage:
    """Image of all atoms' tails, worked out on a grid four times coarser: tails are smooth."""
    width = TAIL_WIDTH * fit.s
    rows, cols = (n // COARSE_PX + 3 for n in shape)
    y = np.clip((fit.atoms[:, 1] + 0.5) / COARSE_PX + 0.5, 0.0, rows - 2.0)
    x = np.clip((fit.atoms[:, 0] + 0.5) / COARSE_PX + 0.5, 0.0, cols - 2.0)
    i, j = y.astype(np.intp), x.astype(np.intp)
    ty, tx = y - i, x - j
    mass = fit.atoms[:, 2] * tail * 2 * np.pi * (width / COARSE_PX) ** 2
    comb = np.zeros(rows * cols)
    for di, wy in ((0, 1 - ty), (1, ty)):
        for dj, wx in ((0, 1 - tx), (1, tx)):
            comb += np.bincount((i + di) * cols + j + dj, mass * wy * wx, rows * cols)
    coarse = comb.reshape(rows, cols).astype(np.float32)
    blurred = ndimage.gaussian_filter(coarse, width / COARSE_PX, mode="constant", truncate=3.0)
    half = interpolation(shape[0], rows) @ blurred
    return np.asarray((interpolation(shape[1], cols) @ half.T).T)


def interpolation(fine: int, coarse: int) -> sparse.csr_array:
    """Linear interpolation from the coarse grid to the pixels of one axis, (fine, coarse)."""
    position = (np.arange(fine) + 0.5) / COARSE_PX + 0.5
    low = position.astype(np.intp)
    share = (position - low).astype(np.float32)
    pixel = np.arange(fine)
    index = np.concatenate([pixel, pixel]), np.concatenate([low, low + 1])
    return sparse.coo_array(
        (np.concatenate([1 - share, share]), index), shape=(fine, coarse)
    ).tocsr()


def improve_probe(
    fit: Fit, tail: float, image: FloatImage, weight: FloatImage, threads: Threads
) -> tuple[float, float]:
    """One linear step of width and tail, overall brightness and background free.

    Args:
        fit: The current state.
        tail: The current tail.
        image: (rows, columns) measured minus everything but cores and tails.
        weight: (rows, columns) inverse variance.
        threads: Where to compute.

    Returns:
        New width in px and new tail.
    """
    core = render_atoms(fit.atoms, fit.s, image.shape, threads)
    wider = render_atoms(fit.atoms, fit.s * (1 + WIDTH_STEP), image.shape, threads)
    by_width = (wider - core) / np.float32(WIDTH_STEP * fit.s)
    unit_tail = tail_image(fit, 1.0, image.shape)
    columns = [core, by_width, unit_tail, np.ones_like(core)]
    normal = np.array([[np.vdot(a, b * weight) for b in columns] for a in columns])
    right = np.array([np.vdot(a, image * weight) for a in columns])
    solution = np.linalg.lstsq(normal, right, rcond=1e-10)[0]
    brightness = max(float(solution[0]), 0.2)
    width_step = np.clip(solution[1] / brightness, -0.15 * fit.s, 0.15 * fit.s)
    new_tail = float(np.clip(solution[2] / brightness, 0.0, MAX_TAIL))
    return float(fit.s + width_step), 0.5 * (tail + new_tail)
