"""What two levels of theory say differently about the same atoms: a measure of trust."""

from __future__ import annotations

from typing import Final

import numpy as np

from shared.errors import StructureError
from shared.messages.simulation import Disagreement, SimulationResult
from sim_dispatcher.structure.alignment import aligned
from sim_dispatcher.structure.cluster import Array, Cluster

__all__ = ["disagreement"]

UPSIDE_DOWN: Final = np.array([1.0, 1.0, -1.0])
"""A sheet that buckled down instead of up has the same energy."""


def disagreement(
    upper: SimulationResult, lower: SimulationResult, upper_end: Cluster, lower_end: Cluster
) -> Disagreement:
    """Compare two answers to the same question.

    Args:
        upper: What the higher level says.
        lower: What the lower one says.
        upper_end: The higher level's final structure.
        lower_end: The lower level's, the same atoms in the same order.

    Raises:
        StructureError: They are not the same atoms.
    """
    if upper_end.symbols != lower_end.symbols:
        raise StructureError(
            f"Two answers of {len(upper_end)} and {len(lower_end)} atoms cannot be compared.",
            remedy="Compare answers to jobs on the same structure.",
        )
    kinds = upper.bonds_A.keys() & lower.bonds_A.keys()
    bonds = [abs(upper.bonds_A[kind].mean - lower.bonds_A[kind].mean) for kind in kinds]
    return Disagreement(
        below=lower.level,
        formation_eV=_difference(upper.formation_eV, lower.formation_eV),
        bond_A=max(bonds, default=0.0),
        rms_A=_distance(upper_end.positions_A, lower_end.positions_A),
        same_rings=upper.rings["after"] == lower.rings["after"],
    )


def _difference(upper: float | None, lower: float | None) -> float | None:
    return None if upper is None or lower is None else upper - lower


def _distance(one_A: Array, other_A: Array) -> float:
    """Return the root mean square distance after the best rigid motion, either side up."""
    gaps = [aligned(one_A * side, other_A) - other_A for side in (np.ones(3), UPSIDE_DOWN)]
    return min(float(np.sqrt((gap**2).sum(axis=1).mean())) for gap in gaps)
