"""The same small specimen scanned by abTEM itself: do both tell the same physics?"""

from __future__ import annotations

import abtem
import numpy as np
from ase import Atoms

from .arrays import Floats
from .optics import ENERGY_eV, Optics
from .wave import SAMPLING_A, STEP_PX, Atoms3D, DETECTORS_mrad, Slicing, scan_still

WINDOW_PX = 144
SLICE_A = 1.6
SITES_px = [[36, 40, 0], [54, 40, 0], [63, 56, 0], [90, 100, 60], [20, 110, 60]]
NUMBERS = [6, 14, 6, 6, 79]
CONVERGENCE_mrad = 33.0
ABERRATIONS = {(1, 0): 10.0, (1, 2): 20.0, (2, 1): 600.0, (2, 3): 300.0, (3, 0): 1e4}
AZIMUTHS = {(1, 2): 0.7, (2, 1): 1.1, (2, 3): 0.2}


def compare() -> str:
    """Scan carbon, silicon and gold in two layers both ways, without thermal motion.

    Atoms sit on grid points, where abTEM's bilinear placement is exact. What remains is abTEM's
    softer band limit.
    """
    positions_A = np.array(SITES_px) * SAMPLING_A
    box_A = WINDOW_PX * SAMPLING_A
    optics = Optics(
        CONVERGENCE_mrad, {nm: (c, AZIMUTHS.get(nm, 0.0)) for nm, c in ABERRATIONS.items()}
    )
    atoms = Atoms3D(box_A, positions_A, np.array(NUMBERS))
    ours = scan_still(atoms, optics, Slicing(WINDOW_PX, SLICE_A))
    lines = []
    for detector, mine in zip(DETECTORS_mrad, ours, strict=True):
        theirs = _abtem(positions_A, box_A, DETECTORS_mrad[detector])
        correlation = np.corrcoef(mine.ravel(), theirs.ravel())[0, 1]
        lines.append(
            f"{detector}: correlation {correlation:.5f}, total {mine.sum() / theirs.sum():.3f},"
            f" peak {mine.max() / theirs.max():.3f} of abTEM's"
        )
    return "\n".join(lines)


def _abtem(positions_A: Floats, box_A: float, angles_mrad: tuple[float, float]) -> Floats:
    height_A = float(positions_A[:, 2].max()) + SLICE_A
    lifted = positions_A + np.array([0.0, 0.0, SLICE_A / 2])
    atoms = Atoms(numbers=NUMBERS, positions=lifted, cell=[box_A, box_A, height_A], pbc=True)
    potential = abtem.Potential(atoms, gpts=WINDOW_PX, slice_thickness=SLICE_A)
    probe = abtem.Probe(
        semiangle_cutoff=CONVERGENCE_mrad,
        energy=ENERGY_eV,
        extent=box_A,
        gpts=WINDOW_PX,
        soft=False,
        aberrations={f"C{n}{m}": c for (n, m), c in ABERRATIONS.items()}
        | {f"phi{n}{m}": azimuth for (n, m), azimuth in AZIMUTHS.items()},
    )
    side = WINDOW_PX // STEP_PX
    grid = abtem.GridScan(start=(0, 0), end=(box_A, box_A), gpts=side, endpoint=False)
    detector = abtem.AnnularDetector(*angles_mrad)
    measured = probe.scan(potential, scan=grid, detectors=detector)
    return np.asarray(measured.compute(progress_bar=False).array)
