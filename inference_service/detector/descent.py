"""From start positions to the best fit: first probe and noise, then every atom of the frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference_service.detector.block_system import BlockSystem
from inference_service.detector.haze import haze
from inference_service.detector.joint_fit import Fit, Normals, normals, render_atoms, renewed, step
from inference_service.detector.noise import NoiseModel, flat_noise, measure_noise
from inference_service.detector.probe import FWHM_PER_S, Probe, round_probe
from inference_service.detector.probe_fit import (
    ModeSystem,
    joint_step,
    measure_heavy,
    measure_width,
    mode_system,
)
from inference_service.detector.scene import Scene

__all__ = ["Known", "State", "descend", "initial", "measured", "render"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

START_FWHM_A: Final = 1.1
"""Probe width to begin with, Å: a 60 kV aberration-corrected probe with its source size."""
PROBE_ROUNDS: Final = 2
"""Steps of probe and atoms together."""
DARK_PERCENT: Final = 12.0
"""Of the pixels are taken to be darker than the background's level, to begin with."""
TOLERANCE: Final = 3e-3
"""Of the solution of each step."""
EARLY_DAMPINGS: Final = (0.1, 0.6)
"""While the probe is being measured."""
DAMPINGS: Final = (0.04, 0.01)
"""Of the steps over the whole frame, the last of which is taken twice with one curvature: what is
well determined is reached to one in 10⁵, and no direction that noise alone decides is run along."""
QUIETEST: Final = 1e-10
"""Smallest variance believed, over the square of the brightest pixel: for images without noise."""
WORSE: Final = 1.003
"""Factor on the misfit from which a step is taken back."""
RETRIES: Final = (0.3, 2.0)
"""Dampings tried then."""


@dataclass(frozen=True)
class Known:
    """What a frame itself says of its probe and its noise."""

    probe: Probe
    noise: NoiseModel


@dataclass(frozen=True)
class State:
    """A fit and what it leaves unexplained."""

    fit: Fit
    residual: FloatImage
    """(rows, columns) measured minus model."""
    weight: FloatImage
    """(rows, columns) inverse variance; 0 where a pixel is not to be believed."""
    expected: FloatImage

    def misfit(self, weight: FloatImage) -> float:
        """Sum of squares under a weight."""
        return float(np.vdot(self.residual, self.residual * weight))


def evaluated(scene: Scene, fit: Fit, known: Known) -> State:
    """Compare a fit with the image."""
    expected = render(scene, fit, known.probe)
    least = np.float32(QUIETEST * float(np.abs(scene.image).max()) ** 2 + 1e-20)
    variance = np.maximum(known.noise.variance(expected), least)
    inverse: FloatImage = np.asarray(np.float32(1.0) / variance, dtype=np.float32)
    weight = inverse if scene.trust is None else np.asarray(inverse * scene.trust)
    return State(fit, scene.image - expected, weight, expected)


def render(scene: Scene, fit: Fit, probe: Probe) -> FloatImage:
    """The whole scene as the fit has it."""
    expected = render_atoms(fit, probe, scene.shape, scene.threads)
    expected += scene.background.image(fit.nodes)
    expected += haze(fit.atoms, probe.scale, scene.shape)
    return expected


def initial(scene: Scene, xy_px: FloatArray, sure: NDArray[np.bool_]) -> Fit:
    """Start: a dark level as background, and of each atom what stands out from it."""
    smooth = ndimage.uniform_filter(scene.image, 3)
    level = float(np.percentile(smooth[::2, ::2], DARK_PERCENT))
    row, column = (
        np.clip(np.rint(xy_px[:, axis]), 0, scene.shape[1 - axis] - 1).astype(np.intp)
        for axis in (1, 0)
    )
    bright = smooth[row, column].astype(np.float64) - level
    least = max(float(np.median(bright)), 1e-3 * float(scene.image.std()))
    atoms = np.column_stack([xy_px, np.maximum(bright, 0.1 * least)])
    return Fit(atoms, np.full(scene.background.shape, level), sure)


def measured(scene: Scene, fit: Fit) -> tuple[Known, Fit]:
    """Measure probe and noise where most atoms are.

    Args:
        scene: The frame.
        fit: Where to begin.

    Returns:
        Both, and the state of the whole frame with what this taught.
    """
    window = scene.window(fit)
    part, local = window.scene, window.fit
    start = round_probe(START_FWHM_A / FWHM_PER_S / scene.pixel_size_A)
    noise = flat_noise(part.image)
    believed = np.ones(part.shape, np.float32) if part.trust is None else part.trust
    known = Known(measure_width(part, local, start, believed), noise)
    state = stepped(part, evaluated(part, local, known), known, EARLY_DAMPINGS[0])
    answer: ModeSystem | None = None
    for _ in range(PROBE_ROUNDS):
        known = replace(known, noise=measure_noise(part.image, state.expected))
        state = evaluated(part, state.fit, known)
        known, state, answer = probe_step(part, state, known, answer)
    known = replace(known, noise=measure_noise(part.image, state.expected))
    return known, window.taught(fit, state.fit, scene.background)


def probe_step(
    scene: Scene, state: State, known: Known, answer: ModeSystem | None
) -> tuple[Known, State, ModeSystem | None]:
    """Step with probe and atoms together; with the atoms alone where that makes things worse.

    Args:
        scene: A part of the frame.
        state: There.
        known: By now.
        answer: To the modes, at a state nearby; None: to be worked out.

    Returns:
        What is known then, the state, and the answer for the next step.
    """
    equations = assembled(scene, state, known)
    limit = WORSE * state.misfit(state.weight)
    for k, damping in enumerate(EARLY_DAMPINGS):
        if answer is None or k > 0:
            answer = mode_system(scene, state.fit, known.probe, equations, damping)
        probe, fit = joint_step(scene, state.fit, known.probe, answer, equations)
        taught = replace(known, probe=probe)
        together = evaluated(scene, fit, taught)
        if together.misfit(state.weight) <= limit:
            return taught, together, answer
    return known, stepped(scene, state, known, EARLY_DAMPINGS[0]), None


def descend(scene: Scene, fit: Fit, known: Known) -> tuple[Known, State, BlockSystem]:
    """Fit every atom of the frame, the probe given.

    Returns:
        What is known, heavy atoms' shape included; the final state; and the curvature near it.
    """
    state = stepped(scene, evaluated(scene, fit, known), known, DAMPINGS[0])
    if state.fit.heavy.any():
        probe = measure_heavy(state.fit, known.probe, state.residual, state.weight)
        known = replace(known, probe=probe)
        state = evaluated(scene, state.fit, known)
    equations = assembled(scene, state, known)
    state = accepted(scene, state, known, equations, DAMPINGS[1])
    images = (state.residual, state.weight)
    again = renewed(equations, state.fit, known.probe, scene.background, images, scene.threads)
    return known, accepted(scene, state, known, again, DAMPINGS[1]), equations.system


def assembled(scene: Scene, state: State, known: Known) -> Normals:
    """The normal equations at a state."""
    images = (state.residual, state.weight)
    return normals(state.fit, known.probe, scene.background, images, scene.threads)


def stepped(scene: Scene, state: State, known: Known, damping: float) -> State:
    """Take one step from a state."""
    return accepted(scene, state, known, assembled(scene, state, known), damping)


def accepted(scene: Scene, state: State, known: Known, equations: Normals, damping: float) -> State:
    """Take the step of these equations, ever more damped while it makes things worse."""
    limit = WORSE * state.misfit(state.weight)
    for stronger in (damping, *RETRIES):
        fit = step(state.fit, equations, known.probe.s, stronger, TOLERANCE)
        after = evaluated(scene, fit, known)
        if after.misfit(state.weight) <= limit:
            return after
    return state
