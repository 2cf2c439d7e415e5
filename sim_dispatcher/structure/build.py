"""From detected atoms and a centre to a cluster: the cut, step by step."""

from __future__ import annotations

from typing import Final

import numpy as np

from shared.lattice import find_bonds
from sim_dispatcher.structure.assembly import assembled
from sim_dispatcher.structure.border import check_border, coverage_notes
from sim_dispatcher.structure.cluster import Cluster
from sim_dispatcher.structure.cutout import MARGIN_A, cut_atoms
from sim_dispatcher.structure.detected import DetectedAtoms
from sim_dispatcher.structure.doubts import doubt_notes
from sim_dispatcher.structure.merging import crowded_notes, merged
from sim_dispatcher.structure.rules import RADIUS_A, CutRules
from sim_dispatcher.structure.terminate import capped

__all__ = ["build_cluster"]

DEFAULT_RULES: Final = CutRules()


def build_cluster(
    atoms: DetectedAtoms,
    centre_A: tuple[float, float],
    radius_A: float = RADIUS_A,
    rules: CutRules = DEFAULT_RULES,
    charge: int = 0,
) -> Cluster:
    """Cut a hydrogen-capped cluster from the atoms of a frame.

    Args:
        atoms: All listed atoms, calibrated; faint ones included.
        centre_A: x = column, y = row of the defect in the frame, Å.
        radius_A: Rings wholly inside this radius are taken, Å.
        rules: Thresholds and presets.
        charge: Total charge, e.

    Returns:
        The cluster, heavy atoms first; `source` leads back to the atoms given.

    Raises:
        StructureError: Nothing there, doubtful or crowded atoms, an unknown element, a wrong
            scale, a place at the frame's border, or a rim that cannot be capped.
    """
    check_border(centre_A, atoms.bounds_A)
    doubts = doubt_notes(atoms, centre_A, rules)
    away = np.hypot(*(atoms.positions_A - np.asarray(centre_A)).T)
    near = np.flatnonzero((away <= radius_A + MARGIN_A) & (atoms.p >= rules.present_p))
    around, origin = merged(atoms.take(near), rules.merged_A)
    cut = cut_atoms(around, centre_A, radius_A)
    members = cut.members
    heavy = around.take(members)
    notes = (*doubts, *crowded_notes(heavy, rules), *cut.notes)
    notes += coverage_notes(heavy.positions_A, centre_A, radius_A, atoms.bounds_A)
    graph = find_bonds(heavy.positions_A, heavy.symbols)
    caps = capped(heavy.symbols, graph, rules.caps)
    source = tuple(int(near[origin[i]]) for i in members) + (-1,) * len(caps.carriers)
    return assembled(heavy, caps, source, rules, charge).noted(*notes, *caps.notes)
