"""Atoms that do not fit into the sheet: adatoms, and the same atom listed twice.

Within a sheet of sp2 carbon nobody sits closer than about 1.3 Å and no three atoms are mutually
bonded. An atom over a bond or in the middle of a hexagon breaks both rules many times over, its
neighbours only once or twice; so the worst offender is taken out, and again, until none is left.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from shared.lattice.bonds import NearPairs, find_firm_pairs

__all__ = ["LIGHT", "find_overlays"]

SAME_ATOM_A: Final = 0.7
"""Two entries closer than this are one atom; the more probable one stays."""

TOO_CLOSE_A: Final = 1.05
"""A pair nearer than this is not bonded, whatever it is: 2.6 sigma below C-C at 0.1 Å noise."""

GHOST_A: Final = 1.0
"""A single carbon nearer than this to a heavy atom is the heavy atom's own flank: Si-C is hardly
below 1.3 Å in projection, and beneath an adatom over a bond lie two carbons."""

LIGHT: Final = ("H", "B", "C", "N", "O")
"""Elements about as bright as the sheet, that outshine nobody."""

OFFENCES: Final = 2
"""Conflicts, at least one of them a triangle, from which an atom is not part of the sheet: a
hexagon's centre has six triangles, a bond's one and two pairs that are too close."""

MOST_BONDS: Final = 3
"""Bonds of an atom within the sheet; where nobody has more, there are no triangles."""

ROUNDS: Final = 12
"""Bound on the rounds of removal; amorphous regions need the most, about six."""


def find_overlays(
    near: NearPairs, elements: NDArray[np.str_], p: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which atoms lie on the sheet, and which are not to be bonded at all.

    Args:
        near: Pairs of the n atoms that are near enough to be bonded.
        elements: (n,) chemical symbols.
        p: (n,) probabilities; of two equal offenders the less probable one goes.

    Returns:
        (n,) atoms on the sheet; (n,) those and the second entries of atoms listed twice.
    """
    n = len(p)
    firm = find_firm_pairs(near, elements.tolist())
    pairs, lengths = firm.pairs, firm.lengths_A
    on_top, gone = np.zeros(n, dtype=bool), _ghosts(pairs[lengths < GHOST_A], elements)
    close = lengths < TOO_CLOSE_A
    same = lengths < SAME_ATOM_A
    for _ in range(ROUNDS):
        live = ~gone[pairs].any(axis=1)
        conflicts = _conflicts(pairs[live], close[live], elements)
        worst = _worst(pairs[live], conflicts, p)
        if not worst.any():
            break
        doubled = np.bincount(pairs[live & close].ravel(), minlength=n) == 1
        doubled &= np.bincount(pairs[live & same].ravel(), minlength=n) == 1
        on_top |= worst & ~doubled
        gone = gone | worst
    live = ~gone[pairs].any(axis=1)
    return on_top, gone | _second_entries(pairs[live & same], p)


def _ghosts(pairs: NDArray[np.int64], elements: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Return which light atoms are the only one right beside some heavy atom."""
    heavy = ~np.isin(elements, LIGHT)
    gone = np.zeros(len(elements), dtype=bool)
    mixed = pairs[heavy[pairs].sum(axis=1) == 1]
    if len(mixed):
        flanks = np.bincount(mixed.ravel(), minlength=len(elements))
        single = mixed[(flanks[mixed] * heavy[mixed]).sum(axis=1) == 1]
        gone[single[~heavy[single]]] = True
    return gone


def _second_entries(pairs: NDArray[np.int64], p: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which atoms repeat a more probable one (pairs that coincide, in any order)."""
    gone = np.zeros(len(p), dtype=bool)
    for i, j in pairs[np.argsort(-p[pairs].max(axis=1, initial=0), kind="stable")]:
        if not (gone[i] or gone[j]):
            gone[i if p[i] < p[j] else j] = True
    return gone


def _conflicts(
    pairs: NDArray[np.int64], close: NDArray[np.bool_], elements: NDArray[np.str_]
) -> NDArray[np.int64]:
    """Return (n,) how often each atom is too close to one or part of a bonded triangle.

    Bonds between two dopants make no triangles here: silicon trimers are real.
    """
    n = len(elements)
    none = np.zeros(n, dtype=np.int64)
    if not (close.any() or (np.bincount(pairs.ravel(), minlength=n) > MOST_BONDS).any()):
        return none
    crowded = np.bincount(pairs[close].ravel(), minlength=n)
    pairs = pairs[(elements[pairs] == "C").any(axis=1)]
    ones = np.ones(len(pairs), dtype=np.int64)
    half = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(n, n)).tocsr()
    bonds = half + half.T
    triangles = np.asarray((bonds * (bonds @ bonds)).sum(axis=1), dtype=np.int64) // 2
    return np.where(triangles > 0, triangles + crowded, none)


def _worst(
    pairs: NDArray[np.int64], conflicts: NDArray[np.int64], p: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return offenders that are worse than every offender next to them."""
    offends = conflicts >= OFFENCES
    rank = np.empty(len(p), dtype=np.int64)
    rank[np.lexsort((-p, conflicts))] = np.arange(len(p))
    both = pairs[offends[pairs].all(axis=1)]
    first_worse = rank[both[:, 0]] > rank[both[:, 1]]
    beaten = np.zeros(len(p), dtype=bool)
    beaten[np.where(first_worse, both[:, 1], both[:, 0])] = True
    return offends & ~beaten
