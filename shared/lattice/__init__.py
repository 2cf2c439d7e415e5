"""Bonds, rings and defect classes on measured coordinates of a graphene sheet.

Pure functions on (x, y) in Å. Used by the inference service on atoms as seen and by the
dispatcher on the same atoms after relaxing. Needs scipy, so the edge never imports it.
"""

from shared.lattice.bonds import BondGraph, find_bonds
from shared.lattice.defects import LatticeDefect, classify, find_defects
from shared.lattice.rings import RingSet, find_rings
from shared.lattice.view import LatticeView, survey

__all__ = [
    "BondGraph",
    "LatticeDefect",
    "LatticeView",
    "RingSet",
    "classify",
    "find_bonds",
    "find_defects",
    "find_rings",
    "survey",
]
