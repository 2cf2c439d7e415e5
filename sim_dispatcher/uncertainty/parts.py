"""The parts of an error bar as pure arithmetic, and how they become one number.

Names end in the unit. Parts in eV are one-sided standard errors of the formation energy (of the
total energy where there is none); `total_eV` is the root of the sum of their squares, which
assumes that they are independent and small. Shares are no energies and stay out of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import fsum, hypot, prod, sqrt
from typing import Final

import numpy as np

from sim_dispatcher.levels.potential import Array

__all__ = ["TOTAL", "any_of", "merge", "numerics_eV", "reservoir_eV", "size_eV", "spread_eV"]

TOTAL: Final = "total_eV"


def merge(parts: Mapping[str, float], levels_eV: float | None = None) -> dict[str, float]:
    """Return the parts with their total, and with the disagreement between levels where known.

    Args:
        parts: By name; a total already there is replaced.
        levels_eV: Formation energy at this level minus that of the one below, eV.
    """
    whole = {name: value for name, value in parts.items() if name != TOTAL}
    if levels_eV is not None:
        whole["levels_eV"] = abs(levels_eV)
    energies = [value for name, value in whole.items() if name.endswith("_eV")]
    return whole | ({TOTAL: hypot(*energies)} if energies else {})


def spread_eV(own_eV: float, others: Iterable[tuple[float, float]]) -> float:
    """Return how far other readings lie from the one computed, eV.

    Args:
        own_eV: Formation energy of the reading computed, eV.
        others: (weight, formation energy in eV) of each other reading.

    Returns:
        The root of the weighted sum of squared differences: the readings' standard deviation
        about the one computed, not about their mean.
    """
    return sqrt(fsum(weight * (energy - own_eV) ** 2 for weight, energy in others))


def any_of(weights: Iterable[float]) -> float:
    """Return the chance that at least one of several independent readings is right."""
    return 1.0 - prod(1.0 - min(max(weight, 0.0), 1.0) for weight in weights)


def reservoir_eV(added: Mapping[str, int], errors_eV: Mapping[str, float]) -> float | None:
    """Return what the chemical potentials' errors do to a formation energy, eV.

    Args:
        added: Atoms exchanged, by element.
        errors_eV: Error of each element's potential, eV.

    Returns:
        None where the error of an exchanged element is not known; 0 where none is exchanged.
    """
    if any(element not in errors_eV for element in added):
        return None
    return hypot(0.0, *(n * errors_eV[element] for element, n in added.items()))


def size_eV(small: tuple[float, int], large: tuple[float, int]) -> float:
    """Return how far a cut is from the endless sheet, eV, from a larger cut.

    The strain of a point defect falls with the square of the distance, so the energy of what lies
    beyond a radius falls with its square, too, as one over the number of atoms: the change from
    one cut to the next is continued by that law.

    Args:
        small: Formation energy, eV, and heavy atoms of the cut in question.
        large: The same of the larger one.
    """
    (mine, few), (other, many) = small, large
    return abs(other - mine) * many / (many - few)


def numerics_eV(forces_eV_A: Array, hessian_eV_A2: Array) -> float:
    """Return how far above its minimum a nearly relaxed structure is, eV.

    Args:
        forces_eV_A: (n, 3) what is left of the forces, eV/Å.
        hessian_eV_A2: (3n, 3n) positive definite model of the curvature, eV/Å².

    Returns:
        Half of f H^-1 f: exact on a parabola of that curvature.
    """
    force = np.asarray(forces_eV_A, dtype=np.float64).ravel()
    return float(0.5 * force @ np.linalg.solve(hessian_eV_A2, force))
