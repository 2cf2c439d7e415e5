"""Bonds, rings and defect classes on measured coordinates of a graphene sheet.

Pure functions on (x, y) in Å. Used by the inference service on atoms as seen and by the
dispatcher on the same atoms after relaxing. Needs scipy, so the edge never imports it.
"""

from shared.lattice.bonds import BondGraph, find_bonds
from shared.lattice.defects import LatticeDefect, classify
from shared.lattice.rings import RingSet, find_rings

__all__ = ["BondGraph", "LatticeDefect", "RingSet", "classify", "find_bonds", "find_rings"]
