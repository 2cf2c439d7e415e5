"""CPU seconds of a first and of a following point, for every implementation on this host.

    python -m tests.science.level_times            # force field and tight binding
    python -m tests.science.level_times --level gpaw --level qe --level pyscf  # minutes

Systems: benzene (12 atoms), coronene (36) and a Stone-Wales patch at the paper's radius (118), as
far as a level takes them. CPU time counts the programs' own.
"""

from __future__ import annotations

import resource
from typing import Annotated

import ase.build
import numpy as np
import typer

from shared.testing.structures import DEFECTS
from sim_dispatcher.levels import Level, System, known_levels
from sim_dispatcher.structure import DetectedAtoms, build_cluster
from tests.science.dft_ladder import coronene

QUICK = ["gfnff", "gfn1", "gfn2"]


def systems() -> dict[str, tuple[System, np.ndarray]]:
    atoms = coronene()
    structure = DEFECTS["SW_5577"]()
    detected = DetectedAtoms(structure.elements, structure.positions_A, structure.p)
    patch = build_cluster(detected, structure.centre_A)
    shake = np.random.default_rng(0).normal(0, 0.02, atoms.positions.shape)
    benzene = ase.build.molecule("C6H6")
    return {
        "benzene, 12 atoms": (System(benzene.numbers), benzene.positions),
        "coronene, 36 atoms": (System(atoms.numbers), atoms.positions + shake),
        "Stone-Wales patch, 118 atoms": (
            System(patch.numbers, patch.charge, patch.unpaired),
            patch.positions_A,
        ),
    }


def cpu_s() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def run_s(level: Level, system: System, positions_A: np.ndarray, points: int) -> float:
    """Return the CPU time of so many points, 0.02 Å apart, and of the worker's start."""
    step = 0.02 * np.sin(np.arange(positions_A.size)).reshape(positions_A.shape)
    began = cpu_s()
    surface = level.potential(system)
    for k in range(points):
        surface.evaluate(positions_A + k * step)
    del surface  # a worker's time counts when it has ended
    return cpu_s() - began


def main(
    names: Annotated[list[str], typer.Option("--level", help="Which levels.")] = QUICK,
) -> None:
    """Print a table."""
    typer.echo("| system | level | first point, CPU s | a following one, CPU s |")
    typer.echo("|---|---|---|---|")
    for name, (system, positions) in systems().items():
        for level in known_levels():
            if level.name not in names or level.unavailable() or len(system) > level.max_atoms:
                continue
            run_s(level, System(np.array([1, 1])), np.array([[0.0, 0, 0], [0.75, 0, 0]]), 1)
            more = 4 if level.name in QUICK else 1
            first = run_s(level, system, positions, 1)
            later = (run_s(level, system, positions, 1 + more) - first) / more
            label = f"{level.name}, {level.implementation}"
            typer.echo(f"| {name} | {label} | {first:.2f} | {later:.2f} |")


if __name__ == "__main__":
    typer.run(main)
