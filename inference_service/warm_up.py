"""A first look before the first frame: loads every library and compiled loop the eye needs.

`python -m inference_service.warm_up` fills numba's cache on disk and, where more than one engine is
installed, has them measured; the set-up runs it once.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.engine_choice.opening import EnginePolicy
from inference_service.detector.pipeline import Detector, shipped_model
from shared.messages import Calibration
from shared.units import CARBON_BOND_A, GRAPHENE_LATTICE_A

__all__ = ["warm_up"]

SIDE_PX = 192
PIXEL_A = 0.104
WIDTH_A = 0.45
"""Standard deviation of an atom's image, Å."""


def warm_up(detector: Detector) -> None:
    """Look at a small drawing of graphene; what is found is not used."""
    detector.analyze(_drawing(), Calibration(pixel_size_A=PIXEL_A, source="flag"))


def _drawing() -> NDArray[np.uint16]:
    """Return (192, 192) counts of a graphene lattice, noisy as a real one is."""
    n = np.arange(-12, 13)
    steps = np.stack(np.meshgrid(n, n), -1).reshape(-1, 2)
    a = GRAPHENE_LATTICE_A
    cell = steps @ np.array([[a, 0.0], [a / 2, a * np.sqrt(3) / 2]])
    atoms = np.concatenate([cell, cell + np.array([0.0, CARBON_BOND_A])]) + SIDE_PX * PIXEL_A / 2
    axis = np.arange(SIDE_PX) * PIXEL_A
    columns = np.exp(-0.5 * ((axis - atoms[:, :1]) / WIDTH_A) ** 2)
    rows = np.exp(-0.5 * ((axis - atoms[:, 1:]) / WIDTH_A) ** 2)
    counts = 4.0 * (rows.T @ columns) + 0.4
    return np.random.default_rng(0).poisson(counts).astype(np.uint16)


if __name__ == "__main__":
    eye = Detector(
        shipped_model(), len(os.sched_getaffinity(0)), policy=EnginePolicy(budget_s=300.0)
    )
    warm_up(eye)
    eye.close()
