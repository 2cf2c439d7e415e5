"""Refine positions by physics: what the counts say, without any lattice prior.

Probe and noise are measured on the part of the frame with the most atoms; then all atoms of the
frame are fitted at once (`joint_fit`). Networks shrink true displacements towards the lattice they
were trained on; this fit does not know a lattice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.covariance import atom_covariances
from inference_service.detector.descent import Known, descend, initial, measured, render
from inference_service.detector.error_budget import ErrorBudget, measure_error_budget
from inference_service.detector.joint_fit import Fit, Threads
from inference_service.detector.noise import NoiseModel, measure_noise
from inference_service.detector.probe import Probe
from inference_service.detector.scene import Scene, binned, binning

__all__ = ["Refined", "refine"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

LEAST_SIGMA_S: Final = 0.002
"""No position is stated better than this many probe widths (1 pm)."""
LOST_S: Final = 1.6
"""An atom that moved further than this many probe widths (0.75 Å) fitted something else."""
SAMPLE_PX: Final = 448
"""The detector's noise is measured on the central square of this side."""


@dataclass(frozen=True)
class Refined:
    """The fitted frame; one row per atom, in the order handed in."""

    xy_px: FloatArray
    """(n, 2) column, row, px of the image."""
    variance_px2: FloatArray
    """(n, 3) variances of column and row, and their covariance, px²: photons, scan, misfit."""
    scan_px2: FloatArray
    """(2,) the share of it that line jitter has in the variances of column and row."""
    amplitude: FloatArray
    """(n,) peak of the core above background, image units."""
    amplitude_sigma: FloatArray
    """(n,) its standard error."""
    typical: float
    """Amplitude of a typical atom, image units."""
    probe: Probe
    """On the image's own pixels."""
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
        Positions, their covariance, amplitudes, probe and noise.
    """
    factor = binning(pixel_size_A)
    scene = Scene.of(*binned(image, valid, factor), pixel_size_A * factor, threads)
    everyone = np.ones(len(xy_px), dtype=bool) if sure is None else sure
    fit = initial(scene, (xy_px - 0.5 * (factor - 1)) / factor, everyone)
    known, fit = measured(scene, fit)
    known, state, system = descend(scene, fit, known)
    budget = measure_error_budget(
        state.residual, state.expected, state.weight, known.probe.s, state.fit.atoms[:, :2]
    )
    ending = Ending(known, state.fit, atom_covariances(system), budget)
    return concluded(scene, ending, xy_px, image, factor)


@dataclass(frozen=True)
class Ending:
    """What is known once the fit has ended."""

    known: Known
    fit: Fit
    covariance: FloatArray
    """(n, 4) of `atom_covariances`."""
    budget: ErrorBudget


def concluded(
    scene: Scene, ending: Ending, start_px: FloatArray, image: FloatImage, factor: int
) -> Refined:
    """State the result on the frame's own pixels.

    An atom that ran away or cannot be determined keeps its start. How bright a place is that holds
    nothing is well known although where is not; the brightness of one that ran away means nothing.

    Args:
        scene: What was fitted.
        ending: What is known by now.
        start_px: (n, 2) start positions on the frame's pixels.
        image: (rows, columns) the frame.
        factor: How many of its pixels make one of the scene's, along each axis.
    """
    fit = ending.fit
    width = ending.known.probe.s
    covariance = ending.covariance
    least, widest = ((k * width) ** 2 for k in (LEAST_SIGMA_S, LOST_S))
    covariance[:, :2] += least
    xy = fit.atoms[:, :2] * factor + 0.5 * (factor - 1)
    moved = ((xy - start_px) ** 2).sum(axis=1) / factor**2
    measured = np.isfinite(covariance).all(axis=1) & (covariance[:, :3] > 0).all(axis=1)
    measured &= moved < widest
    sound = measured & (covariance[:, :2] < widest).all(axis=1)
    xy[~sound] = start_px[~sound]
    covariance[~sound] = np.column_stack(
        [np.full((len(xy), 2), widest), covariance[:, 2], np.zeros(len(xy))]
    )[~sound]
    covariance[~measured, 2] = fit.atoms[~measured, 2] ** 2 + fit.typical**2
    probe = ending.known.probe.unbinned(factor)
    peak = (ending.known.probe.scale * factor / probe.scale) ** 2
    whole = Scene.of(image, None, scene.pixel_size_A / factor, scene.threads)
    placed = fit.atoms * np.array([factor, factor, peak]) + 0.5 * (factor - 1) * np.array(
        [1.0, 1.0, 0.0]
    )
    expected = render(whole, replace(fit, atoms=placed), probe)
    variance = ending.budget.widen(covariance[:, [0, 1, 3]]) * factor**2
    sample = central(image.shape)
    return Refined(
        xy_px=xy,
        variance_px2=variance,
        scan_px2=(ending.budget.scan_px * factor) ** 2,
        amplitude=peak * fit.atoms[:, 2],
        amplitude_sigma=peak * np.sqrt(covariance[:, 2]),
        typical=peak * fit.typical,
        probe=probe,
        noise=measure_noise(image[sample], expected[sample]),
        expected=expected,
    )


def central(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The central square of `SAMPLE_PX`, or the whole of a smaller axis."""
    starts = [max(0, (n - SAMPLE_PX) // 2) for n in shape]
    return slice(starts[0], starts[0] + SAMPLE_PX), slice(starts[1], starts[1] + SAMPLE_PX)
