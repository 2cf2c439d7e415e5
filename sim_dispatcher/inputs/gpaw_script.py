"""A script that runs a calculation with GPAW and ASE: plane waves at the paper's cut-off."""

from __future__ import annotations

import json

import numpy as np

from shared.errors import ConfigurationError
from sim_dispatcher.levels.programs.calculation import Calculation
from sim_dispatcher.levels.programs.gpaw import CUTOFF_EV, WIDTH_EV

__all__ = ["gpaw_script"]


def gpaw_script(task: Calculation) -> str:
    """Return a Python script for GPAW.

    Raises:
        ConfigurationError: Molecular dynamics was asked for.
    """
    if task.kind == "md":
        raise ConfigurationError(
            "The ASE that comes with Debian's GPAW has no Nosé-Hoover chain, so gpaw has no input"
            " set for molecular dynamics.",
            remedy="Use the level vasp or dftb, or compute md at gfn1.",
        )
    lines = [
        f'"""{task.title}."""',
        "",
        "from ase import Atoms",
        "from ase.constraints import FixAtoms, FixCartesian",
        "from ase.optimize import BFGS",
        "from gpaw import GPAW, PW, FermiDirac",
        "",
        *_atoms(task),
        *_constraints(task),
        "atoms.calc = GPAW(",
        *(f"    {word}," for word in _keywords(task)),
        ")",
        *_work(task),
    ]
    return "\n".join(lines) + "\n"


def _atoms(task: Calculation) -> list[str]:
    places = [json.dumps(np.round(place, 8).tolist()) for place in task.positions_A]
    return [
        f"symbols = {json.dumps(task.symbols)}",
        "positions = [",
        *(f"    {place}," for place in places),
        "]",
        f"cell = {json.dumps(np.round(task.lattice_A, 8).tolist())}",
        "atoms = Atoms(symbols, positions, cell=cell, pbc=True)",
    ]


def _constraints(task: Calculation) -> list[str]:
    """Return the held atoms, and those held along some axes (1 = held)."""
    if task.free.all():
        return []
    fixed = np.flatnonzero(~task.free.any(axis=1)).tolist()
    partly = np.flatnonzero(task.free.any(axis=1) & ~task.free.all(axis=1)).tolist()
    rows = [f"held = [FixAtoms(indices={fixed})]"]
    rows += [
        f"held.append(FixCartesian({atom}, {(~task.free[atom]).astype(int).tolist()}))"
        for atom in partly
    ]
    return [*rows, "atoms.set_constraint(held)"]


def _keywords(task: Calculation) -> list[str]:
    words = [
        f"mode=PW({CUTOFF_EV:g})",
        'xc="PBE"',
        f'kpts={{"size": {task.mesh}, "gamma": False}}',
        f"charge={task.charge}",
        'txt="gpaw.txt"',
    ]
    if not task.unpaired:
        return [*words, f"occupations=FermiDirac({WIDTH_EV:g})"]
    return [*words, f"occupations=FermiDirac({WIDTH_EV:g}, fixmagmom=True)", "spinpol=True"]


def _work(task: Calculation) -> list[str]:
    moment = (
        [f"atoms.set_initial_magnetic_moments([{task.unpaired} / len(atoms)] * len(atoms))"]
        if task.unpaired
        else []
    )
    if task.kind == "point":
        return [*moment, "print(atoms.get_potential_energy(), atoms.get_forces())"]
    return [
        *moment,
        'walk = BFGS(atoms, logfile="relax.log", trajectory="relax.traj")',
        f"walk.run(fmax={task.fmax_eV_A:g}, steps={task.steps})",
        'atoms.write("relaxed.xyz")',
    ]
