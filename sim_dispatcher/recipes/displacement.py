"""How far a calculation moved the atoms that were detected, in the plane of the image.

Two numbers, never confused: the root mean square distance after rigid alignment, beside what the
detector's own standard errors let expect; and the paper's percentage, which depends on where its
axes begin.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from shared.messages.simulation import Displacement
from sim_dispatcher.structure.alignment import aligned
from sim_dispatcher.structure.box import PAPER_EDGE_A
from sim_dispatcher.structure.cluster import Array, Cluster

__all__ = ["displacement"]

LEAST_ATOMS: Final = 3
"""Fewer atoms than this cannot be told from a rigid motion."""

NOTE: Final = (
    "Detected atoms only; the calculation lies over the detection after the best rigid motion in"
    " the plane. Percent: mean |dx/x| x 100 with x counted from a corner of the paper's"
    f" {PAPER_EDGE_A} Å cube about the middle of the cluster."
)


def displacement(detected: Cluster, final: Cluster) -> Displacement | None:
    """Compare a calculation with what was seen.

    Args:
        detected: The cluster as cut; a probability or standard error marks atoms that were seen.
        final: The same atoms, in the same order, after the calculation; more may follow.

    Returns:
        None where the cluster does not come from detected atoms.
    """
    marks = detected.p if detected.sigma_A is None else detected.sigma_A
    if marks is None or np.isfinite(marks).sum() < LEAST_ATOMS:
        return None
    seen = np.flatnonzero(np.isfinite(marks))
    there = detected.positions_A[seen, :2]
    away = aligned(final.positions_A[seen, :2], there) - there
    all_xy = detected.positions_A[:, :2]
    corner = (all_xy.min(axis=0) + all_xy.max(axis=0)) / 2 - PAPER_EDGE_A / 2
    percent = 100 * np.mean(np.abs(away / (there - corner)), axis=0)
    return Displacement(
        rms_A=_rms(away),
        sigma_A=None if detected.sigma_A is None else _rms(detected.sigma_A[seen]),
        n_atoms=len(seen),
        percent_x=float(percent[0]),
        percent_y=float(percent[1]),
        note=NOTE,
    )


def _rms(lengths_A: Array) -> float:
    return float(np.sqrt(np.mean(lengths_A**2)))
