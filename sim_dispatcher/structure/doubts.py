"""Atoms neither clearly there nor clearly not: they stop a cut, or lower its priority."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shared.errors import StructureError
from sim_dispatcher.structure.detected import DetectedAtoms
from sim_dispatcher.structure.rules import CutRules

__all__ = ["certainty", "doubt_notes"]


def certainty(
    atoms: DetectedAtoms, centre_A: tuple[float, float], rules: CutRules | None = None
) -> float:
    """Return how clear the atoms about a place are: a factor for its priority.

    Args:
        atoms: All listed atoms of the frame, faint ones included.
        centre_A: x, y of the defect in the frame, Å.
        rules: From which probability an atom counts as there, and how far doubts count.

    Returns:
        1 where every atom is certain, 0 where one is as likely there as not; between, as the
        most doubtful atom is: |2 p - 1|. Entries on top of a firm atom are other names for it.
    """
    rules = rules or CutRules()
    away = np.hypot(*(atoms.positions_A - np.asarray(centre_A)).T)
    near = np.flatnonzero(away < (rules.doubtful_radius_A or CutRules.doubtful_radius_A))
    own = [
        i for i in near.tolist() if atoms.p[i] >= rules.present_p or not _renamed(atoms, i, rules)
    ]
    return float(np.abs(2 * np.clip(atoms.p[own], 0.0, 1.0) - 1).min(initial=1.0))


def doubt_notes(
    atoms: DetectedAtoms, centre_A: tuple[float, float], rules: CutRules
) -> tuple[str, ...]:
    """Refuse, or note, a place where an atom is neither clearly there nor clearly not.

    Args:
        atoms: All listed atoms of the frame, faint ones included.
        centre_A: x, y of the defect in the frame, Å.
        rules: What a doubt is, how near it counts, and what it does.

    Raises:
        StructureError: There is such an atom and the rules say `refuse`.
    """
    away = np.hypot(*(atoms.positions_A - np.asarray(centre_A)).T)
    faint = (atoms.p >= rules.doubtful_p) & (atoms.p < rules.present_p)
    notes = tuple(
        f"Whether {atoms.symbols[i]} is at ({atoms.positions_A[i, 0]:.1f},"
        f" {atoms.positions_A[i, 1]:.1f}) Å is uncertain (p = {atoms.p[i]:.2f}),"
        f" {away[i]:.1f} Å from the centre"
        for i in np.flatnonzero(faint & (away < rules.doubtful_radius_A)).tolist()
        if not _renamed(atoms, i, rules)
    )
    if notes and rules.doubts == "refuse":
        raise StructureError(
            f"{notes[0]}.",
            remedy="Take more dose or a closer look there, or relax the rule on doubtful atoms.",
        )
    return tuple(f"{note}; left out" for note in notes)


def _renamed(atoms: DetectedAtoms, entry: int, rules: CutRules) -> bool:
    """Return whether a faint entry is a firm atom under another element's name."""
    firm: NDArray[np.float64] = atoms.positions_A[atoms.p >= rules.present_p]
    gaps = np.hypot(*(firm - atoms.positions_A[entry]).T)
    return bool(gaps.min(initial=np.inf) < rules.merged_A)
