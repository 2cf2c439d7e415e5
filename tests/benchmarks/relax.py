"""A silicon in 91 carbon atoms relaxed at GFN1: our route beside plain tblite with ASE's BFGS.

Ours starts from the force field's minimum with its curvature and computes with libxtb; theirs is
what ASE's manual shows. Both start from the same cut and end below 0.05 eV/Å. Ours must end in a
minimum as deep or deeper, else there is no comparison.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter, process_time

import ase
import numpy as np
from ase.optimize import BFGS
from threadpoolctl import threadpool_limits

from shared.testing.structures import substituted
from sim_dispatcher.levels import System, choose_level
from sim_dispatcher.levels.ase_bridge import PotentialCalculator
from sim_dispatcher.levels.libtblite import TbliteLevel
from sim_dispatcher.recipes import Options, TwinEnergies
from sim_dispatcher.recipes.relaxation import settle
from sim_dispatcher.recipes.task import Task
from sim_dispatcher.structure import RADIUS_A, Cluster, DetectedAtoms, build_cluster

FMAX_EV_A = 0.05
DEEPER_EV = 0.005
"""Energies closer than this are the same minimum."""


def silicon_cluster() -> Cluster:
    """One silicon in a carbon's place, cut as the dispatcher cuts it."""
    whole = substituted("Si")
    atoms = DetectedAtoms(whole.elements, whole.positions_A, whole.p)
    return build_cluster(atoms, whole.centre_A, RADIUS_A)


def relaxation() -> tuple[Callable[[], float], Callable[[], float]]:
    """Return both ways; each gives the processor time of one relaxation, s."""
    cluster = silicon_cluster()
    found: dict[str, float] = {}

    def measured(name: str, relax: Callable[[Cluster], tuple[float, int]]) -> float:
        wall, cpu = perf_counter(), process_time()
        with threadpool_limits(limits=1):
            energy, steps = relax(cluster)
        cpu, wall = process_time() - cpu, perf_counter() - wall
        sys.stderr.write(
            f"{name}: {len(cluster)} atoms, {steps} steps, {energy:.3f} eV,"
            f" {cpu:.1f} CPU-s, {wall:.1f} s\n"
        )
        found[name] = energy
        if len(found) == 2 and found["ours"] > found["theirs"] + DEEPER_EV:
            raise SystemExit(f"ours ended in a higher minimum: {found}")
        return cpu

    return lambda: measured("ours", _ours), lambda: measured("theirs", _theirs)


def _ours(cluster: Cluster) -> tuple[float, int]:
    options = Options(fmax_eV_A=FMAX_EV_A)
    task = Task("relax", cluster, choose_level("gfn1"), options, None, TwinEnergies())
    minimum = settle(task, cluster)
    return minimum.energy_eV, minimum.steps


def _theirs(cluster: Cluster) -> tuple[float, int]:
    system = System(cluster.numbers, cluster.charge, cluster.unpaired)
    free = np.ones((len(cluster), 3), dtype=bool)
    atoms = ase.Atoms(cluster.symbols, cluster.positions_A)
    atoms.calc = PotentialCalculator(TbliteLevel("gfn1").potential(system), free)
    optimiser = BFGS(atoms, logfile=None)
    optimiser.run(fmax=FMAX_EV_A, steps=500)
    return float(atoms.get_potential_energy()), int(optimiser.nsteps)
