"""A family's specimen under one setting of the microscope, without noise."""

from __future__ import annotations

import numpy as np

from .arrays import Floats
from .crystals import CRYSTALS
from .families import FAMILIES
from .noiseless import STEP_A, Noiseless
from .optics import Optics
from .wave import SAMPLING_A, Atoms3D, Slicing, scan

CARBON = 6
SHEETS = Slicing()
THIN_CRYSTALS = Slicing(window_px=96, configurations=2)
"""Thickness needs many slices; a smaller window and fewer configurations pay for them."""

SEVERITY = {"comatic": 2.5}
"""Families seen through a poorly tuned microscope: C21 and C23 up to 0.25 µm."""


def simulate(family: str, rng: np.random.Generator) -> Noiseless:
    """Build a specimen, tune a microscope, and scan."""
    crystal = CRYSTALS.get(family)
    specimen = crystal.cut(rng) if crystal else FAMILIES[family](rng)
    slicing = THIN_CRYSTALS if crystal else SHEETS
    optics = Optics.draw(rng, SEVERITY.get(family, 1.0))
    atoms = Atoms3D(specimen.box_A, specimen.positions_A, specimen.numbers)
    images = scan(atoms, optics, slicing, rng)
    told: dict[str, object] = {"convergence_mrad": optics.convergence_mrad}
    told |= {f"C{n}{m}": value for (n, m), value in optics.aberrations_A.items()}
    return Noiseless(
        specimen,
        images,
        _carbon(optics, slicing, rng),
        told,
    )


def _carbon(optics: Optics, slicing: Slicing, rng: np.random.Generator) -> dict[str, Floats]:
    """One carbon atom's image, with the atom at the origin."""
    side_A = slicing.window_px * SAMPLING_A
    middle = np.array([[side_A / 2, side_A / 2, 0.0]])
    images = scan(Atoms3D(side_A, middle, np.array([CARBON])), optics, slicing, rng)
    half = round(side_A / 2 / STEP_A)
    return {name: np.roll(image, (-half, -half), (0, 1)) for name, image in images.items()}
