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
from inference_service.detector.joint_fit import Fit, Threads, normals, render_atoms, step
from inference_service.detector.noise import NoiseModel, flat_noise, measure_noise
from inference_service.detector.probe import FWHM_PER_S, Probe, improve_probe, tail_image

__all__ = ["Refined", "refine"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

START_FWHM_A: Final = 1.1
"""Probe width to begin with, Å: a 60 kV aberration-corrected probe with its source size."""
NODE_SPACING_A: Final = 8.0
"""Spacing of the background's nodes: wide against a ring, narrow against a dirt patch."""
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
    """(n, 3) variances of column and row, and their covariance, px²: photon noise alone."""
    amplitude: FloatArray
    """(n,) peak of the core above background, image units."""
    amplitude_sigma: FloatArray
    """(n,) its standard error."""
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
) -> Refined:
    """Fit all atoms of a frame.

    Args:
        image: (rows, columns), finite.
        xy_px: (n, 2) start positions, column and row; n >= 1.
        pixel_size_A: Edge of a pixel, Å.
        threads: Where to compute.
        valid: (rows, columns) pixels to believe; None: all.

    Returns:
        Positions, their photon-noise covariance, amplitudes, probe and noise.
    """
    background = Background.spanning(image.shape, NODE_SPACING_A / pixel_size_A)
    fit = initial(image, xy_px, background, START_FWHM_A / FWHM_PER_S / pixel_size_A)
    noise, tail, curvature = flat_noise(image), 0.0, None
    sample = central(image.shape)
    for stage in STAGES:
        expected = render(fit, tail, background, image.shape, threads)
        if stage.noise:
            noise = measure_noise(image[sample], expected[sample])
        weight = weights(noise, expected, valid)
        equations = normals(
            fit, background, image - expected, weight, threads, None if stage.rebuild else curvature
        )
        curvature = equations.matrix
        fit = step(fit, equations, stage.damping)
        if stage.probe:
            rest = (image - background.image(fit.nodes))[sample]
            s, tail = improve_probe(cropped(fit, sample), tail, rest, weight[sample], threads)
            fit = replace(fit, s=s)
    covariance = atom_covariances(equations.matrix, len(fit.atoms))
    return Refined(
        xy_px=fit.atoms[:, :2],
        variance_px2=covariance[:, [0, 1, 3]],
        amplitude=fit.atoms[:, 2],
        amplitude_sigma=np.sqrt(covariance[:, 2]),
        probe=Probe(fit.s, tail),
        noise=noise,
        expected=render(fit, tail, background, image.shape, threads),
    )


def central(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The central square of `SAMPLE_PX`, or the whole of a smaller axis."""
    starts = [max(0, (n - SAMPLE_PX) // 2) for n in shape]
    return slice(starts[0], starts[0] + SAMPLE_PX), slice(starts[1], starts[1] + SAMPLE_PX)


def cropped(fit: Fit, sample: tuple[slice, slice]) -> Fit:
    """The atoms in and just around a part of the frame, on that part's own pixels."""
    corner = np.array([sample[1].start, sample[0].start])
    xy = fit.atoms[:, :2] - corner
    near = ((xy > -8 * fit.s) & (xy < SAMPLE_PX + 8 * fit.s)).all(axis=1)
    return replace(fit, atoms=np.column_stack([xy, fit.atoms[:, 2]])[near])


def initial(image: FloatImage, xy_px: FloatArray, background: Background, s: float) -> Fit:
    """Start: the image's dark level as background, a common amplitude for all atoms."""
    low, high = np.percentile(image[::2, ::2], (15.0, 85.0))
    amplitude = np.full(len(xy_px), max(float(high - low), 1e-12))
    nodes = np.full(background.shape, float(low))
    return Fit(np.column_stack([xy_px, amplitude]), nodes, s)


def render(
    fit: Fit, tail: float, background: Background, shape: tuple[int, int], threads: Threads
) -> FloatImage:
    """The whole frame as the fit has it."""
    expected = render_atoms(fit.atoms, fit.s, shape, threads)
    expected += background.image(fit.nodes)
    if tail > 0:
        expected += tail_image(fit, tail, shape)
    return expected


def weights(noise: NoiseModel, expected: FloatImage, valid: NDArray[np.bool_] | None) -> FloatImage:
    """Inverse variance of each pixel, 0 where it is not to be believed."""
    inverse = np.float32(1.0) / noise.variance(expected)
    return inverse if valid is None else np.where(valid, inverse, np.float32(0.0))
