"""Estimate what one atom looks like, from the frame itself.

The lattice fixes the width of the light atoms' Gaussian. Heavy atoms are rare, bright and sit in
other surroundings; they have a width of their own and a tail, a second Gaussian `TAIL_WIDTH`
times as wide, without which each of them would pull its neighbours towards itself. A perfect
lattice says nothing of tails: they only lift the background.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.joint_fit import Fit, Threads, render_atoms

__all__ = ["FWHM_PER_S", "Probe", "heavy_atoms", "measure_heavy", "measure_light", "with_tails"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

HEAVY_FROM: Final = 2.5
"""Brightness over the typical atom's from which an atom is heavy: between O and Si."""
TAIL_WIDTH: Final = 2.0
"""Width of the tail over the core's."""
MAX_TAIL: Final = 0.25
"""Largest amplitude of the tail over the core's: half of all counts."""
FWHM_PER_S: Final = 2.3548
WIDTH_STEP: Final = 0.02
"""Relative step of the numerical derivative by width."""
MAX_CHANGE: Final = 0.15
"""Largest relative change of a width at a time."""
MAX_HEAVY: Final = 40
"""Heavy atoms looked at, the brightest first."""
WIDTH_RANGE: Final = (0.55, 1.9)
"""Widths that are believed, relative to the start."""


@dataclass(frozen=True)
class Probe:
    """What one atom looks like."""

    s: float
    """Width of a light atom, px."""
    s_heavy: float
    """Width of a heavy atom's core, px."""
    tail: float
    """Amplitude of a heavy atom's tail over its core's."""
    start: float
    """Width that the estimate began with, px."""

    def volume(self) -> float:
        """Integral of a light atom of unit amplitude, px²."""
        return float(2 * np.pi * self.s**2)

    def dress(self, fit: Fit) -> Fit:
        """Give each atom the width of its kind."""
        atoms = fit.atoms.copy()
        atoms[:, 3] = np.where(heavy_atoms(fit), self.s_heavy, self.s)
        return replace(fit, atoms=atoms)

    def within_range(self, s: float) -> float:
        """Clip a width to what is believed."""
        return float(np.clip(s, WIDTH_RANGE[0] * self.start, WIDTH_RANGE[1] * self.start))


def heavy_atoms(fit: Fit) -> NDArray[np.bool_]:
    """(n,) which atoms are heavy."""
    return np.asarray(fit.atoms[:, 2] > HEAVY_FROM * fit.typical)


def with_tails(fit: Fit, probe: Probe) -> FloatArray:
    """Atoms to render: those of the fit and the tails of the heavy ones, (m, 4)."""
    if probe.tail <= 0:
        return fit.atoms
    tails = fit.atoms[heavy_atoms(fit)] * np.array([1.0, 1.0, probe.tail, TAIL_WIDTH])
    return np.concatenate([fit.atoms, tails])


def measure_light(
    probe: Probe, atoms: FloatArray, image: FloatImage, weight: FloatImage, threads: Threads
) -> Probe:
    """One linear step of the common width, overall brightness and level free.

    Args:
        probe: The current estimate.
        atoms: (n, 4) the light atoms.
        image: (rows, columns) measured minus everything but them.
        weight: (rows, columns) inverse variance.
        threads: Where to compute.
    """
    core = render_atoms(atoms, image.shape, threads)
    wider = render_atoms(atoms * np.array([1.0, 1.0, 1.0, 1 + WIDTH_STEP]), image.shape, threads)
    by_width = (wider - core) / np.float32(WIDTH_STEP * probe.s)
    columns = [core, by_width, np.ones_like(core)]
    change = solved(columns, image, weight)
    return replace(probe, s=probe.within_range(probe.s + limited(change, probe.s)))


def measure_heavy(
    probe: Probe, atoms: FloatArray, residual: FloatImage, weight: FloatImage
) -> Probe:
    """One linear step of the heavy atoms' width and tail, pooled over their patches.

    Args:
        probe: The current estimate.
        atoms: (n, 4) the heavy atoms.
        residual: (rows, columns) measured minus model.
        weight: (rows, columns) inverse variance.
    """
    brightest = atoms[np.argsort(atoms[:, 2])[::-1][:MAX_HEAVY]]
    normal, right = np.zeros((4, 4)), np.zeros(4)
    for atom in brightest:
        design, patch, w = heavy_patch(atom, probe.s_heavy, residual, weight)
        normal += (design * w) @ design.T
        right += (design * w) @ patch
    if not np.isfinite(normal).all() or normal[0, 0] <= 0:
        return probe
    normal[np.diag_indices(4)] *= 1 + 1e-6
    solution = np.linalg.solve(normal + 1e-30 * np.eye(4), right)
    brightness = max(1.0 + float(solution[0]), 0.3)
    width = probe.s_heavy + limited(np.array([brightness, solution[1]]), probe.s_heavy)
    tail = float(np.clip(probe.tail + solution[2] / brightness, 0.0, MAX_TAIL))
    return replace(probe, s_heavy=probe.within_range(width), tail=tail)


def heavy_patch(
    atom: FloatArray, s: float, residual: FloatImage, weight: FloatImage
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Derivatives by brightness, width, tail and level around one atom: (4, m), (m,), (m,)."""
    x, y, a, _ = atom
    reach = 4.0 * s
    r0, c0 = max(0, int(y - reach)), max(0, int(x - reach))
    part = (slice(r0, int(y + reach) + 2), slice(c0, int(x + reach) + 2))
    patch = residual[part]
    rows, cols = np.mgrid[r0 : r0 + patch.shape[0], c0 : c0 + patch.shape[1]]
    squared = ((cols - x) ** 2 + (rows - y) ** 2).ravel()
    core = a * np.exp(-0.5 * squared / s**2)
    tail = a * np.exp(-0.5 * squared / (TAIL_WIDTH * s) ** 2)
    level = np.full_like(core, a)
    design = np.stack([core, core * squared / s**3, tail, level])
    return design, patch.ravel().astype(np.float64), weight[part].ravel().astype(np.float64)


def solved(columns: list[FloatImage], image: FloatImage, weight: FloatImage) -> FloatArray:
    """Weighted least squares of an image on a few others."""
    normal = np.array([[np.vdot(a, b * weight) for b in columns] for a in columns])
    right = np.array([np.vdot(a, image * weight) for a in columns])
    return np.asarray(np.linalg.lstsq(normal.astype(np.float64), right, rcond=1e-10)[0])


def limited(change: FloatArray, s: float) -> float:
    """Width step out of (brightness, brightness times step), bounded."""
    step = float(change[1]) / max(float(change[0]), 0.2)
    return float(np.clip(step, -MAX_CHANGE * s, MAX_CHANGE * s))
