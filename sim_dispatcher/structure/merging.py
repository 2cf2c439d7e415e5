"""One atom listed twice becomes one; two that cannot both be right stop the cut."""

from __future__ import annotations

import dataclasses

import numpy as np

from shared.errors import StructureError
from sim_dispatcher.structure.checks import close_pairs, fragments
from sim_dispatcher.structure.detected import DetectedAtoms
from sim_dispatcher.structure.rules import CutRules

__all__ = ["crowded_notes", "merged"]


def merged(atoms: DetectedAtoms, below_A: float) -> tuple[DetectedAtoms, tuple[int, ...]]:
    """Merge atoms closer than a limit.

    The place is the mean weighted by probability; element, probability and standard error are
    the likeliest entry's.

    Args:
        atoms: What was detected.
        below_A: The limit, Å; chains of close atoms merge as a whole.

    Returns:
        The atoms, in the order of their likeliest entries, and each one's index in the input.
    """
    labels = fragments(len(atoms), close_pairs(atoms.positions_A, below_A))
    ranked = np.argsort(-atoms.p, kind="stable")
    best = np.sort(ranked[np.unique(labels[ranked], return_index=True)[1]])
    place = labels[best]
    weight = np.bincount(labels, weights=atoms.p)
    columns = [atoms.positions_A[:, 0], atoms.positions_A[:, 1]]
    means = [np.bincount(labels, weights=atoms.p * column) / weight for column in columns]
    kept = atoms.take(best)
    single = np.bincount(labels)[place] == 1
    positions = np.where(single[:, None], kept.positions_A, np.stack(means, axis=1)[place])
    whole = dataclasses.replace(kept, positions_A=positions)
    return whole, tuple(int(i) for i in best)


def crowded_notes(atoms: DetectedAtoms, rules: CutRules) -> tuple[str, ...]:
    """Refuse, or note, atoms too close to both be right.

    Raises:
        StructureError: Such a pair exists and the rules say `refuse`.
    """
    notes = tuple(
        f"{atoms.symbols[i]} and {atoms.symbols[j]} at"
        f" ({atoms.positions_A[i, 0]:.1f}, {atoms.positions_A[i, 1]:.1f}) Å are only"
        f" {np.linalg.norm(atoms.positions_A[i] - atoms.positions_A[j]):.2f} Å apart"
        for i, j in close_pairs(atoms.positions_A, rules.crowded_A).tolist()
    )
    if notes and rules.crowded == "refuse":
        raise StructureError(
            f"{notes[0]}: an atom on the sheet, or a false detection.",
            remedy="Correct the detection there, or pick another defect.",
        )
    return notes
