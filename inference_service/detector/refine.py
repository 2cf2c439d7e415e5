"""Refine positions by physics: what the counts say, without any lattice prior.

From the candidates' positions on, the whole frame is fitted at once (`joint_fit`), the probe and
the noise being measured on the way. Networks shrink true displacements towards the lattice they
were trained on; this fit does not know a lattice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.background import Background
from inference_service.detector.covariance import atom_covariances
from inference_service.detector.error_budget import ErrorBudget, measure_error_budget
from inference_service.detector.joint_fit import Fit, Threads, normals, render_atoms, step
from inference_service.detector.noise import NoiseModel, flat_noise, measure_noise
from inference_service.detector.probe import (
    FWHM_PER_S,
    Probe,
    heavy_atoms,
    measure_heavy,
    measure_light,
    with_tails,
)

__all__ = ["Refined", "refine"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

START_FWHM_A: Final = 1.1
"""Probe width to begin with, Å: a 60 kV aberration-corrected probe with its source size."""
NODE_SPACING_A: Final = 8.0
"""Spacing of the background's nodes: wide against a ring, narrow against a dirt patch."""
LEAST_SIGMA_S: Final = 0.002
"""No position is stated better than this many probe widths (1 pm)."""
LOST_S: Final = 1.6
"""An atom that moved further than this many probe widths (0.75 Å) fitted something else."""
SAMPLE_PX: Final = 448
"""Probe and noise are measured on the central square of this side."""


@dataclass(frozen=True)
class Stage:
    """One step of the fit."""

    damping: float
    """The last steps are undamped, hence without any prior."""
    rebuild: bool
    """Whether the curvature is worked out anew."""
    noise: bool
    """Whether the noise is measured before the step."""
    probe: bool
    """Whether the probe is measured after the step."""


STAGES: Final = (
    Stage(damping=0.1, rebuild=True, noise=False, probe=True),
    Stage(damping=0.02, rebuild=True, noise=True, probe=True),
    Stage(damping=0.0, rebuild=False, noise=True, probe=True),
    Stage(damping=0.0, rebuild=True, noise=False, probe=False),
)


@dataclass(frozen=True)
class Refined:
    """The fitted frame; one row per atom, in the order handed in."""

    xy_px: FloatArray
    """(n, 2) column, row, px of the image."""
    variance_px2: FloatArray
    """(n, 3) variances of column and row, and their covariance, px²: photons, scan, misfit."""
    amplitude: FloatArray
    """(n,) peak of the core above background, image units."""
    amplitude_sigma: FloatArray
    """(n,) its standard error."""
    typical: float
    """Amplitude of a typical atom, image units."""
    probe: Probe
    noise: NoiseModel
    expected: FloatImage
    """(rows, columns) the frame as rendered from what was found."""

    @property
    def counts(self) -> FloatArray:
        """(n,) detected electrons per atom; meaningful where the gain is known."""
        return self.amplitude * self.probe.volume() / max(self.noise.gain, 1e-30)


def refine(
    image: FloatImage,
    xy_px: FloatArray,
    pixel_size_A: float,
    threads: Threads,
    valid: NDArray[np.bool_] | None = None,
    sure: NDArray[np.bool_] | None = None,
) -> Refined:
    """Fit all atoms of a frame.

    Args:
        image: (rows, columns), finite.
        xy_px: (n, 2) start positions, column and row; n >= 1.
        pixel_size_A: Edge of a pixel, Å.
        threads: Where to compute.
        valid: (rows, columns) pixels to believe; None: all.
        sure: (n,) atoms that are certainly there; None: all. They set what is typical.

    Returns:
        Positions, their photon-noise covariance, amplitudes, probe and noise.
    """
    background = Background.spanning(image.shape, NODE_SPACING_A / pixel_size_A)
    s = START_FWHM_A / FWHM_PER_S / pixel_size_A
    probe = Probe(s, s, 0.0, s)
    fit = initial(image, xy_px, background, s)
    fit = fit if sure is None else replace(fit, sure=sure)
    noise, curvature = flat_noise(image), None
    sample = central(image.shape)
    for stage in STAGES:
        expected = render(fit, probe, background, image.shape, threads)
        if stage.noise:
            noise = measure_noise(image[sample], expected[sample])
        weight = weights(noise, expected, valid)
        equations = normals(
            fit, background, image - expected, weight, threads, None if stage.rebuild else curvature
        )
        curvature = equations.matrix
        fit = step(fit, equations, stage.damping)
        if stage.probe:
            bare = image - background.image(fit.nodes)
            probe = measure_probe(probe, fit, bare, weight, threads)
            fit = probe.dress(fit)
    covariance = atom_covariances(equations.matrix, len(xy_px), threads)
    expected = render(fit, probe, background, image.shape, threads)
    budget = measure_error_budget(
        (image - expected)[sample], expected[sample], weight[sample], probe.s
    )
    return concluded(fit, xy_px, covariance, Measured(probe, noise, budget), expected)


@dataclass(frozen=True)
class Measured:
    """What the frame itself says of probe, detector and scan."""

    probe: Probe
    noise: NoiseModel
    budget: ErrorBudget


def concluded(
    fit: Fit,
    start_px: FloatArray,
    covariance: FloatArray,
    measured: Measured,
    expected: FloatImage,
) -> Refined:
    """State the result; an atom that ran away or cannot be determined keeps its start."""
    xy, amplitude = fit.atoms[:, :2].copy(), fit.atoms[:, 2]
    least, widest = ((k * measured.probe.start) ** 2 for k in (LEAST_SIGMA_S, LOST_S))
    covariance[:, :2] += least
    moved = ((xy - start_px) ** 2).sum(axis=1)
    sound = np.isfinite(covariance).all(axis=1) & (covariance[:, :3] > 0).all(axis=1)
    sound &= (covariance[:, :2] < widest).all(axis=1) & (moved < widest)
    xy[~sound] = start_px[~sound]
    covariance[~sound] = np.array([widest, widest, 0.0, 0.0])
    covariance[~sound, 2] = amplitude[~sound] ** 2
    return Refined(
        xy_px=xy,
        variance_px2=measured.budget.widen(covariance[:, [0, 1, 3]]),
        amplitude=amplitude,
        amplitude_sigma=np.sqrt(covariance[:, 2]),
        typical=fit.typical,
        probe=measured.probe,
        noise=measured.noise,
        expected=expected,
    )


def measure_probe(
    probe: Probe, fit: Fit, bare: FloatImage, weight: FloatImage, threads: Threads
) -> Probe:
    """Measure the light atoms' width on the central square, the heavy ones' where they are.

    Args:
        probe: The current estimate.
        fit: The current state.
        bare: (rows, columns) measured minus background.
        weight: (rows, columns) inverse variance.
        threads: Where to compute.
    """
    heavy = heavy_atoms(fit)
    sample = central(bare.shape)
    rest = bare[sample]
    if heavy.any():
        atoms = with_tails(fit, probe)
        bright = np.concatenate([atoms[: len(heavy)][heavy], atoms[len(heavy) :]])
        residual = bare - render_atoms(atoms, bare.shape, threads)
        rest = rest - render_atoms(bright, bare.shape, threads)[sample]
        probe = measure_heavy(probe, fit.atoms[heavy], residual, weight)
    light = cropped(fit.atoms[~heavy], sample)
    return measure_light(probe, light, rest, weight[sample], threads)


def central(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The central square of `SAMPLE_PX`, or the whole of a smaller axis."""
    starts = [max(0, (n - SAMPLE_PX) // 2) for n in shape]
    return slice(starts[0], starts[0] + SAMPLE_PX), slice(starts[1], starts[1] + SAMPLE_PX)


def cropped(atoms: FloatArray, sample: tuple[slice, slice]) -> FloatArray:
    """The (n, 4) atoms in and just around a part of the frame, on that part's own pixels."""
    moved = atoms - np.array([sample[1].start, sample[0].start, 0.0, 0.0])
    margin = 4.0 * float(atoms[:, 3].max(initial=1.0))
    near = ((moved[:, :2] > -margin) & (moved[:, :2] < SAMPLE_PX + margin)).all(axis=1)
    return np.asarray(moved[near])


def initial(image: FloatImage, xy_px: FloatArray, background: Background, s: float) -> Fit:
    """Start: a dark level as background, a common amplitude for all atoms.

    Levels are those of blocks about as wide as an atom: single pixels of a low dose are mostly 0.
    """
    block = max(1, round(s))
    rows, cols = (n // block * block for n in image.shape)
    shaped = image[:rows, :cols].reshape(rows // block, block, cols // block, block)
    low, high = np.percentile(shaped.mean(axis=(1, 3)), (15.0, 85.0))
    amplitude = max(float(high - low), 1e-3 * float(image.std()))
    n = len(xy_px)
    atoms = np.column_stack([xy_px, np.full(n, amplitude), np.full(n, s)])
    return Fit(atoms, np.full(background.shape, float(low)), np.ones(n, dtype=bool))


def render(
    fit: Fit, probe: Probe, background: Background, shape: tuple[int, int], threads: Threads
) -> FloatImage:
    """The whole frame as the fit has it."""
    expected = render_atoms(with_tails(fit, probe), shape, threads)
    expected += background.image(fit.nodes)
    return expected


def weights(noise: NoiseModel, expected: FloatImage, valid: NDArray[np.bool_] | None) -> FloatImage:
    """Inverse variance of each pixel, 0 where it is not to be believed."""
    inverse = np.float32(1.0) / noise.variance(expected)
    return inverse if valid is None else np.where(valid, inverse, np.float32(0.0))
