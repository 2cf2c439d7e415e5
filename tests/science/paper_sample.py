"""The frame that `sim-dispatcher reproduce-paper` starts from where none is given, and its making.

    python tests/science/paper_sample.py frame.npz
    inference-service analyze frame.npz --json sim_dispatcher/paper/sample.json

Graphene with a carbon ad-dimer in its middle (two pentagons between two heptagons: the smallest
"carbon cluster" that leaves every carbon threefold) and one silicon outside the patch. Its true
coordinates are those of a capped disc of 22 Å relaxed with GFN-FF, seen from above: another level
than those that the tables are computed at, so that no agreement is put in by hand. The image is
`edge_agent`'s, whose simulator trained nothing; the coordinates are then the detector's own.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.sources.specimen import Exposure, Specimen, View, expose
from shared.testing.sheet import Sheet, flat_sheet
from sim_dispatcher.levels import choose_level
from sim_dispatcher.recipes import run_recipe
from sim_dispatcher.structure import Cluster, CutRules, DetectedAtoms, build_cluster
from sim_dispatcher.structure.census import heavy_atoms

SIDE_PX, PIXEL_A = 288, 0.104
SHEET_A, DISC_A = (52.0, 52.0), 22.0
ANGLE_DEG = 11.0
SILICON_A = (10.5, 9.5)
"""From the middle of the frame, Å: outside a patch of 9 Å, well inside the frame."""
BLISTER_A, BLISTER_WIDTH_A = 1.0, 1.5
"""The start's bump: two atoms too many do not fit into the plane, which is a saddle."""
CURRENT_PA, DWELL_US = 180.0, 4.0
SEED = 91


def ad_dimer(sheet: Sheet) -> Sheet:
    """Return the sheet with two carbons bridging opposite bonds of its middle hexagon.

    7-5-5-7, the inverse Stone-Wales defect: Lusk, Carr, Phys. Rev. Lett. 100, 175503 (2008),
    doi:10.1103/PhysRevLett.100.175503.
    """
    middle = np.asarray(SHEET_A) / 2
    ring = np.argsort(np.hypot(*(sheet.positions_A - middle).T))[:6]
    angle = np.arctan2(*(sheet.positions_A[ring] - middle).T[::-1])
    a, b, c, d, e, f = (int(i) for i in ring[np.argsort(angle)])
    del c, f
    opened = replace(sheet, bonds=sheet.bonds - {(min(a, b), max(a, b)), (min(d, e), max(d, e))})
    first = len(sheet.elements)
    for one, other in ((a, b), (d, e)):
        place = 0.6 * sheet.positions_A[[one, other]].mean(axis=0) + 0.4 * middle
        opened = opened.with_atom((float(place[0]), float(place[1])), "C")
    second = first + 1
    return opened.joined((first, a), (first, b), (second, d), (second, e), (first, second))


def disc() -> Cluster:
    """Return the relaxed disc."""
    sheet = ad_dimer(flat_sheet(SHEET_A, ANGLE_DEG)).relaxed()
    middle = (SHEET_A[0] / 2, SHEET_A[1] / 2)
    silicon = sheet.nearest((middle[0] + SILICON_A[0], middle[1] + SILICON_A[1]))
    sheet = sheet.replaced({silicon: "Si"}).relaxed()
    atoms = DetectedAtoms(sheet.elements, sheet.positions_A, np.ones(len(sheet.elements)))
    flat = build_cluster(atoms, middle, DISC_A, CutRules(crowded="note"))
    away = np.hypot(*(flat.positions_A[:, :2] + flat.origin_A - np.asarray(middle)).T)
    lifted = flat.positions_A.copy()
    lifted[:, 2] += BLISTER_A * np.exp(-0.5 * (away / BLISTER_WIDTH_A) ** 2)
    return run_recipe(flat.moved(lifted), "relax", choose_level("gfnff")).cluster


def frame(cluster: Cluster) -> NDArray[np.uint16]:
    """Return one frame of counts with the disc in its middle; y = row."""
    heavy = heavy_atoms(cluster.symbols)
    flat = cluster.positions_A[heavy, :2]
    flat = flat - np.asarray(SHEET_A) / 2 + np.asarray(cluster.origin_A)
    edge = 4 * DISC_A
    specimen = Specimen(
        positions_A=flat[:, ::-1],
        numbers=cluster.numbers[heavy].astype(np.uint8),
        defects=(),
        period_A=(edge, edge),
    )
    view = View((SIDE_PX, SIDE_PX), PIXEL_A)
    rng = np.random.default_rng(SEED)
    return expose(specimen, view, Exposure(CURRENT_PA, DWELL_US), rng)


if __name__ == "__main__":
    made = disc()
    np.savez(Path(sys.argv[1]), image=frame(made), pixel_size_A=PIXEL_A)
    height = np.ptp(made.positions_A[heavy_atoms(made.symbols), 2])
    print(f"{made.to_ase().get_chemical_formula()}, {height:.2f} Å high")
