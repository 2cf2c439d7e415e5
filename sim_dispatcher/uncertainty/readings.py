"""Other readings of the same atoms: what else detection holds possible near a defect.

A site is one place: a listed atom, or several entries on top of each other that name different
elements. Its probabilities need not add up to one; what is lacking is the chance that nobody is
there. Each site in doubt gives readings that differ from the likeliest one at that site alone:
to first order the sites are independent, and then the squared deviations they cause add up.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim_dispatcher.structure.checks import close_pairs, fragments
from sim_dispatcher.structure.detected import DetectedAtoms
from sim_dispatcher.structure.rules import CutRules

__all__ = ["NEAR_A", "Reading", "other_readings"]

NEAR_A: Final = 5.0
"""Sites within this distance of the defect's centre may be read otherwise, Å: beyond it a doubt is
about the surroundings, which cancel between the defect and its pristine twin."""

LEAST: Final = 0.02
"""Readings less probable than this are not worth computing: the square root of 0.02 times 5 eV,
squared, is 0.7 eV at the very most, and of typical differences a tenth of that."""


@dataclass(frozen=True, eq=False)
class Reading:
    """All atoms of the frame under another reading of one site.

    Attributes:
        name: What is read, in words.
        weight: Its probability.
        atoms: The frame's atoms, so read.
    """

    name: str
    weight: float
    atoms: DetectedAtoms


def other_readings(
    atoms: DetectedAtoms, centre_A: tuple[float, float], rules: CutRules
) -> tuple[Reading, ...]:
    """Return every reading that differs at one site near the centre, the likeliest first.

    Args:
        atoms: All listed atoms, faint ones included.
        centre_A: x, y of the defect in the frame, Å.
        rules: From which probability an atom counts as there, and how close entries are one.
    """
    labels = fragments(len(atoms), close_pairs(atoms.positions_A, rules.merged_A))
    away = np.hypot(*(atoms.positions_A - np.asarray(centre_A)).T)
    found = [
        reading
        for label in np.unique(labels[away <= NEAR_A]).tolist()
        for reading in _of_site(atoms, np.flatnonzero(labels == label), rules)
        if reading.weight >= LEAST
    ]
    return tuple(sorted(found, key=lambda reading: (-reading.weight, reading.name)))


def _of_site(atoms: DetectedAtoms, entries: NDArray[np.intp], rules: CutRules) -> Iterator[Reading]:
    """Yield what else may be at one site: each other element, or nobody."""
    ranked = entries[np.argsort(-atoms.p[entries], kind="stable")]
    best = int(ranked[0])
    place = f"at ({atoms.positions_A[best, 0]:.1f}, {atoms.positions_A[best, 1]:.1f}) Å"
    total = max(1.0, float(atoms.p[entries].sum()))
    present = atoms.p[best] >= rules.present_p
    seen = {atoms.symbols[best]} if present else set()
    for other in ranked.tolist():
        symbol = atoms.symbols[other]
        if symbol in seen or symbol == "X":
            continue
        seen.add(symbol)
        what = f"{symbol} for {atoms.symbols[best]} {place}" if present else f"{symbol} {place}"
        yield Reading(what, float(atoms.p[other]) / total, _only(atoms, entries, other))
    if present:
        nobody = 1.0 - float(atoms.p[entries].sum())
        yield Reading(f"no {atoms.symbols[best]} {place}", nobody, _only(atoms, entries, None))


def _only(atoms: DetectedAtoms, entries: NDArray[np.intp], kept: int | None) -> DetectedAtoms:
    """Return the atoms with one entry of a site certain, and the others certainly not there."""
    p = atoms.p.copy()
    p[entries] = 0.0
    if kept is not None:
        p[kept] = 1.0
    return dataclasses.replace(atoms, p=p)
