"""The whole frame as one object: every atom of its sheet, hydrogen at the outer rim alone.

Two thousand atoms and more, for the force field or an HPC site. Holes and vacancies stay bare;
what does not hang together with the largest piece of sheet is left out and counted.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.errors import StructureError
from shared.lattice import BondGraph, find_bonds, find_rings
from sim_dispatcher.structure.assembly import assembled
from sim_dispatcher.structure.checks import check_atoms, close_pairs, fragments
from sim_dispatcher.structure.cluster import Cluster
from sim_dispatcher.structure.detected import DetectedAtoms
from sim_dispatcher.structure.merging import merged
from sim_dispatcher.structure.rules import CutRules
from sim_dispatcher.structure.scale import check_scale, measure_scale, refuse_far_scale
from sim_dispatcher.structure.terminate import IMPOSSIBLE_A, capped, placed_caps

__all__ = ["build_frame"]

SMALLEST: Final = 10
"""Fewer heavy atoms than this are no sheet."""


def build_frame(atoms: DetectedAtoms, rules: CutRules | None = None, charge: int = 0) -> Cluster:
    """Build one structure of all atoms of a frame.

    Args:
        atoms: All listed atoms, calibrated; faint ones included.
        rules: Thresholds; `caps` is taken as `rim`. Of two crowded atoms the less probable one
            is left out with a note, whatever the rules say: one false atom among thousands must
            not stop the rest.
        charge: Total charge, e.

    Returns:
        The largest connected piece of sheet, heavy atoms first, its outer rim capped.

    Raises:
        StructureError: No sheet, an unknown element, or a wrong scale.
    """
    rules = rules or CutRules()
    present = np.flatnonzero(atoms.p >= rules.present_p)
    around, origin = merged(atoms.take(present), rules.merged_A)
    check_atoms(around.symbols, around.positions_A)
    kept = _uncrowded(around, rules)
    members = _sheet(around, kept)
    if len(members) < SMALLEST:
        refuse_far_scale(around.positions_A, around.symbols)
        raise StructureError(
            f"Only {len(members)} atoms of {len(atoms)} listed form a sheet.",
            remedy="Give a frame with a piece of sheet in it.",
        )
    heavy = around.take(members)
    graph = find_bonds(heavy.positions_A, heavy.symbols)
    scale = measure_scale(heavy.positions_A, heavy.symbols, graph, find_rings(graph))
    check_scale(scale)
    caps = capped(heavy.symbols, graph, "rim")
    source = tuple(int(present[origin[i]]) for i in members) + (-1,) * len(caps.carriers)
    whole = assembled(heavy, caps, source, dataclasses.replace(rules, edge_A=None), charge)
    left_out = (
        (len(around) - len(kept), "too close to a likelier one"),
        (len(kept) - len(members), "that are no part of the largest piece of sheet"),
    )
    counted = (f"{n} atoms {why} are left out" for n, why in left_out if n)
    return whole.noted(*(() if scale is None else scale.notes), *caps.notes, *counted)


def _uncrowded(atoms: DetectedAtoms, rules: CutRules) -> NDArray[np.intp]:
    """Return the atoms left when of any two that are too close the less probable one goes."""
    kept = np.ones(len(atoms), dtype=bool)
    pairs = close_pairs(atoms.positions_A, rules.crowded_A)
    for i, j in pairs[np.argsort(-atoms.p[pairs].max(axis=1, initial=0), kind="stable")].tolist():
        if kept[i] and kept[j]:
            kept[i if atoms.p[i] < atoms.p[j] else j] = False
    return np.flatnonzero(kept)


def _sheet(atoms: DetectedAtoms, kept: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the largest piece in which everyone has two neighbours and every cap has room."""
    index = kept
    while len(index):
        part = atoms.take(index)
        graph = find_bonds(part.positions_A, part.symbols)
        labels = fragments(len(index), graph.pairs)
        good = (labels == np.bincount(labels).argmax()) & (graph.coordination >= 2)
        if good.all():
            good = _roomy(part, graph)
        if good.all():
            break
        index = index[good]
    return index


def _roomy(atoms: DetectedAtoms, graph: BondGraph) -> NDArray[np.bool_]:
    """Return False for one of every two atoms whose caps would sit in the same place.

    Such a cove of the rim lacks an atom that the frame does not show.
    """
    caps = placed_caps(atoms.symbols, graph, "rim")
    good = np.ones(len(atoms), dtype=bool)
    for one, other in close_pairs(caps.positions_A, IMPOSSIBLE_A).tolist():
        if good[[caps.carriers[one], caps.carriers[other]]].all():
            good[caps.carriers[one]] = False
    return good
