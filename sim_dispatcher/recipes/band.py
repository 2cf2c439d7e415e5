"""A nudged elastic band with a climbing image: the minimum-energy path between two structures.

ASE does it: improved tangents (doi:10.1063/1.1323224), climbing image (doi:10.1063/1.1329672),
start from an image-dependent pair potential (doi:10.1063/1.4878664), FIRE as optimiser
(doi:10.1103/PhysRevLett.97.170201), because a band's forces have no energy. The highest image
climbs from the first step: the rotation of a bond in coronene at GFN1 then takes 36 steps (5
images) or 41 (7) instead of 83 or 64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import ase
import numpy as np
from ase.mep import NEB
from ase.optimize import FIRE

from sim_dispatcher.levels.ase_bridge import PotentialCalculator
from sim_dispatcher.levels.potential import Array, Potential
from sim_dispatcher.recipes.errors import ForcesNotFiniteError

__all__ = ["Band", "interpolated", "relaxed_band"]

SPRING_eV_A2: Final = 1.0
"""Between neighbouring images, eV/Å²."""

LONGEST_STEP_A: Final = 0.5
"""Of all atoms of all images together, Å."""

FIRST_STEP: Final = 0.1
"""Of FIRE's fictitious time, in ASE's units; it then finds its own."""


@dataclass(frozen=True, eq=False)
class Band:
    """A path.

    Attributes:
        images_A: (k, n, 3) positions, Å, ends included.
        energies_eV: (k,) total energies, eV; empty while not computed.
        fmax_eV_A: Largest force on a moving image, eV/Å.
        steps: Optimiser steps taken.
        converged: Whether the force criterion was met.
    """

    images_A: Array
    energies_eV: Array
    fmax_eV_A: float
    steps: int
    converged: bool


def interpolated(symbols: tuple[str, ...], start_A: Array, end_A: Array, images: int) -> Array:
    """Return (images, n, 3) positions between two structures, no two atoms too close, Å."""
    path = [ase.Atoms(symbols, start_A) for _ in range(images - 1)] + [ase.Atoms(symbols, end_A)]
    NEB(path, method="improvedtangent").interpolate("idpp")
    return np.array([image.positions for image in path])


def relaxed_band(
    images_A: Array,
    surfaces: tuple[Potential, ...],
    goal: tuple[float, int],
    keep: Callable[[Band], None],
) -> Band:
    """Relax a band, its ends fixed.

    Args:
        images_A: (k, n, 3) start, Å.
        surfaces: An energy surface for each image.
        goal: Force criterion, eV/Å, and the most steps to take.
        keep: Called after every step; what it raises ends it.

    Raises:
        SimulationError: The engine gave no answer.
        ForcesNotFiniteError: Energies or forces are not numbers.
    """
    fmax_eV_A, max_steps = goal
    path = _with_surfaces(images_A, surfaces)
    neb = NEB(path, k=SPRING_eV_A2, climb=True, method="improvedtangent")
    optimiser: Any = FIRE(neb, logfile=None, dt=FIRST_STEP, maxstep=LONGEST_STEP_A)
    band = _seen(neb, 0, fmax_eV_A)
    keep(band)
    while not band.converged and band.steps < max_steps:
        optimiser.step()
        band = _seen(neb, band.steps + 1, fmax_eV_A)
        keep(band)
    return band


def _with_surfaces(images_A: Array, surfaces: tuple[Potential, ...]) -> list[Any]:
    free = np.ones(images_A.shape[1:], dtype=bool)
    path = []
    for positions, surface in zip(images_A, surfaces, strict=True):
        # The atoms' element plays no role here: the potential knows its own nuclei.
        atoms: Any = ase.Atoms(positions=positions, numbers=np.ones(len(positions), dtype=int))
        atoms.calc = PotentialCalculator(surface, free)
        path.append(atoms)
    return path


def _seen(neb: Any, step: int, fmax_eV_A: float) -> Band:
    """Compute forces and energies of all images where they are."""
    forces = neb.get_forces()
    if not (np.isfinite(forces).all() and np.isfinite(neb.energies).all()):
        raise ForcesNotFiniteError(
            f"Energies or forces of the band are not numbers at step {step}.",
            remedy="Check the structure for overlapping atoms; else try another level.",
        )
    largest = float(np.linalg.norm(forces, axis=1).max())
    positions = np.array([image.positions for image in neb.images])
    return Band(positions, np.array(neb.energies), largest, step, largest < fmax_eV_A)
