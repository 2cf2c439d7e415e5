"""Defects as edits of the bond graph; geometry follows by relaxation.

Each maker is given one bond of pristine graphene and returns what it put there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from edge_agent.sources.specimen.draft import SILICON, Draft, Placed, distance

__all__ = ["MAKERS"]

_CLOSING_REST_A: Final = 1.85
"""Rest length of the long bond that closes a pentagon of 5-8-5, Å."""


def silicon_in_single_vacancy(draft: Draft, atom: int, neighbour: int) -> Placed:
    """Put Si in the place of one C: three Si-C bonds."""
    del neighbour
    draft.numbers[atom] = SILICON
    return Placed("Si_C3", (atom,))


def silicon_in_divacancy(draft: Draft, atom: int, neighbour: int) -> Placed:
    """Put one Si in the place of two bonded C: four Si-C bonds."""
    middle = draft.positions_A[atom] + draft.vector(atom, neighbour) / 2
    for orphan in draft.remove(neighbour) - {atom}:
        draft.bond(atom, orphan)
    draft.numbers[atom] = SILICON
    draft.positions_A[atom] = middle
    return Placed("Si_C4", (atom,))


def silicon_dimer(draft: Draft, atom: int, neighbour: int) -> Placed:
    """Put Si in the place of two bonded C."""
    draft.numbers[[atom, neighbour]] = SILICON
    return Placed("Si_dimer", (atom, neighbour))


def stone_wales(draft: Draft, atom: int, neighbour: int) -> Placed:
    """Turn one C-C bond by 90 degrees: two pentagons and two heptagons.

    Reference: Stone, Wales, Chem. Phys. Lett. 128, 501 (1986), doi:10.1016/0009-2614(86)80661-3.
    """
    around = (draft.neighbours[atom] | draft.neighbours[neighbour]) - {atom, neighbour}
    half = draft.vector(atom, neighbour) / 2
    middle = draft.positions_A[atom] + half
    turned = np.array([-half[1], half[0]])
    draft.positions_A[atom], draft.positions_A[neighbour] = middle - turned, middle + turned
    for other in around:
        draft.unbond(atom, other)
        draft.unbond(neighbour, other)
    nearest = sorted(around, key=lambda other: distance(draft, atom, other))
    for rank, other in enumerate(nearest):
        draft.bond(atom if rank < 2 else neighbour, other)
    return Placed("SW_5577", (atom, neighbour, *sorted(around)))


def divacancy(draft: Draft, atom: int, neighbour: int) -> Placed:
    """Take two bonded C away and close the gaps: pentagon, octagon, pentagon."""
    first = draft.remove(atom) - {neighbour}
    second = draft.remove(neighbour)
    for left, right in (first, second):
        draft.bond(left, right)
        draft.stretched_A[frozenset((left, right))] = _CLOSING_REST_A
    return Placed("V2_585", tuple(sorted(first | second)))


MAKERS: Final[dict[str, Callable[[Draft, int, int], Placed]]] = {
    "Si_C3": silicon_in_single_vacancy,
    "Si_C4": silicon_in_divacancy,
    "Si_dimer": silicon_dimer,
    "SW_5577": stone_wales,
    "V2_585": divacancy,
}
"""By defect type."""
