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
from scipy import ndimage

from inference_service.detector.joint_fit import Fit, Threads, render_atoms

__all__ = ["Probe", "improve_probe", "tail_image"]

FloatImage = NDArray[np.float32]

TAIL_WIDTH: Final = 2.2
"""Width of the tail over the core's."""
MAX_TAIL: Final = 0.12
"""Largest amplitude of the tail over the core's: about 40 % of all counts."""
FWHM_RANGE_A: Final = (0.5, 2.2)
"""Probe widths that are believed, Å."""
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
    """Image of all atoms' tails, from amplitudes laid on the four nearest pixels."""
    width = TAIL_WIDTH * fit.s
    comb = np.zeros((shape[0] + 2, shape[1] + 2), dtype=np.float32)
    x = np.clip(fit.atoms[:, 0], -0.99, shape[1] - 0.01) + 1
    y = np.clip(fit.atoms[:, 1], -0.99, shape[0] - 0.01) + 1
    i, j = y.astype(np.intp), x.astype(np.intp)
    ty, tx = y - i, x - j
    mass = fit.atoms[:, 2] * tail * 2 * np.pi * width**2
    for di, wy in ((0, 1 - ty), (1, ty)):
        for dj, wx in ((0, 1 - tx), (1, tx)):
            np.add.at(comb, (i + di, j + dj), (mass * wy * wx).astype(np.float32))
    blurred = ndimage.gaussian_filter(comb, width, mode="constant", truncate=3.0)
    return np.asarray(blurred[1:-1, 1:-1])


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
