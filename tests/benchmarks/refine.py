"""The joint fit of a frame beside Gaussians fitted atom by atom, as AtomAI and atomap do it.

Per atom `scipy.optimize.curve_fit` sees a patch of one bond length and knows no neighbours. It
takes minutes for a frame, so a sample of atoms is fitted and its time scaled to all of them.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import process_time

import numpy as np
from scipy.optimize import OptimizeWarning, curve_fit

from edge_agent.sources.specimen import Exposure, View, expose, mixed_defect_field
from inference_service.detector.joint_fit import Threads
from inference_service.detector.refine import refine

SIDE_PX, PIXEL_A = 896, 0.104
REACH_PX = 7
SAMPLED = 60
START_ERROR_PX = 0.7


def refine_time() -> tuple[Callable[[], float], Callable[[], float]]:
    """Return both ways; each gives the CPU time [ms] of all atoms of one 896 px frame."""
    view = View((SIDE_PX, SIDE_PX), PIXEL_A)
    specimen = mixed_defect_field()
    rng = np.random.default_rng(20261122)
    image = expose(specimen, view, Exposure(180.0, 4.0), rng).astype(np.float32)
    truth = specimen.truth(view).positions_px[:, ::-1]
    start = truth + rng.normal(0.0, START_ERROR_PX, truth.shape)
    inner = np.flatnonzero(((truth > REACH_PX + 2) & (truth < SIDE_PX - REACH_PX - 3)).all(axis=1))
    threads = Threads(ThreadPoolExecutor(2), 2)

    def ours() -> float:
        began = process_time()
        refine(image, start, PIXEL_A, threads)
        return 1000.0 * (process_time() - began)

    def theirs() -> float:
        began = process_time()
        for atom in rng.choice(inner, SAMPLED, replace=False):
            _fit_one(image, start[atom])
        return 1000.0 * (process_time() - began) * len(start) / SAMPLED

    ours()  # compiled loops are loaded before anything is timed
    return ours, theirs


def _fit_one(image: np.ndarray, start: np.ndarray) -> None:
    """Fit one round Gaussian and a level to the patch around one atom."""
    x0, y0 = np.rint(start).astype(int)
    rows, columns = np.mgrid[-REACH_PX : REACH_PX + 1, -REACH_PX : REACH_PX + 1]
    patch = image[y0 - REACH_PX : y0 + REACH_PX + 1, x0 - REACH_PX : x0 + REACH_PX + 1]

    def gaussian(
        _: np.ndarray, x: float, y: float, height: float, width: float, level: float
    ) -> np.ndarray:
        squared = (columns - x) ** 2 + (rows - y) ** 2
        return (level + height * np.exp(-0.5 * squared / width**2)).ravel()

    guess = [0.0, 0.0, float(np.ptp(patch)), 4.0, float(patch.min())]
    with warnings.catch_warnings(), contextlib.suppress(RuntimeError):
        # Noise may leave nothing to fit: the time is spent all the same.
        warnings.simplefilter("ignore", OptimizeWarning)
        curve_fit(gaussian, np.arange(patch.size), patch.ravel(), guess, maxfev=200)
