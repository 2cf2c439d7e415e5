"""From the tight-binding minimum to PBE's: how far the rungs of the ladder are apart.

A flake is relaxed at GFN1, then at the level asked for, from that minimum and with the curvature
of GFN1 there. The long form, for coronene with one carbon replaced by silicon (24 heavy atoms):

    nice python -m tests.science.dft_ladder silicon-coronene --level gpaw --out ladder.json
"""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import ase
import ase.build
import numpy as np
import typer

from sim_dispatcher.levels import Level, System, choose_level
from sim_dispatcher.recipes.hessian import model_hessian
from sim_dispatcher.recipes.minimise import Descent, Minimum, Progress, minimise
from sim_dispatcher.structure.bonds import bond_statistics

BOND_A = 1.42


@dataclass(frozen=True)
class Rung:
    """One minimum: positions in Å, bond statistics by kind, CPU seconds with all children."""

    level: str
    settings: str
    found: Minimum
    bonds_A: Mapping[str, object]
    cpu_s: float


def acene(rings: int) -> ase.Atoms:
    """Naphthalene (2), anthracene (3), …: rings in a row, capped by hydrogen."""
    centres = [(BOND_A * 3**0.5 * k, 0.0) for k in range(rings)]
    return _capped(centres)


def coronene() -> ase.Atoms:
    """Seven rings, C24H12."""
    angles = np.arange(6) * np.pi / 3
    around = BOND_A * 3**0.5 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return _capped([(0.0, 0.0), *map(tuple, around)])


def silicon_coronene() -> ase.Atoms:
    """Coronene with one carbon of the inner ring replaced by silicon, 0.3 Å out of the plane."""
    atoms = coronene()
    inner = int(np.argmin(np.linalg.norm(atoms.positions - atoms.positions.mean(0), axis=1)))
    atoms.symbols[inner] = "Si"
    atoms.positions[inner, 2] += 0.3
    return atoms


FLAKES: Mapping[str, Callable[[], ase.Atoms]] = {
    "ethylene": lambda: ase.build.molecule("C2H4"),
    "benzene": lambda: ase.build.molecule("C6H6"),
    "naphthalene": lambda: acene(2),
    "coronene": coronene,
    "silicon-coronene": silicon_coronene,
}


def _capped(centres: list[tuple[float, float]]) -> ase.Atoms:
    turns = np.pi / 6 + np.arange(6) * np.pi / 3
    corners = BOND_A * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    every = (np.array(centres)[:, None] + corners).reshape(-1, 2)
    _, first = np.unique(every.round(2) + 0.0, axis=0, return_index=True)
    carbon = every[np.sort(first)]
    caps = []
    for place in carbon:
        away = carbon - place
        near = away[(np.hypot(*away.T) > 0.1) & (np.hypot(*away.T) < 1.2 * BOND_A)]
        if len(near) == 2:
            outward = -near.sum(axis=0)
            caps.append(place + 1.09 * outward / np.hypot(*outward))
    flat = np.concatenate([carbon, caps])
    symbols = ["C"] * len(carbon) + ["H"] * len(caps)
    return ase.Atoms(symbols, np.column_stack([flat, np.zeros(len(flat))]))


def climb(
    atoms: ase.Atoms, level: Level, fmax_eV_A: float = 0.05, max_steps: int = 60
) -> tuple[Rung, Rung]:
    """Relax at GFN1, then at a level from there."""
    system = System(atoms.numbers)
    free = np.ones((len(atoms), 3), dtype=bool)
    below = choose_level("gfn1")
    began = _cpu_s()
    surface = below.potential(system)
    low = minimise(surface, atoms.positions, Descent(free, fmax_eV_A=0.01))
    first = _rung(below, atoms, low, _cpu_s() - began)
    began = _cpu_s()
    hessian = model_hessian(surface, low.positions_A, free)
    descent = Descent(free, fmax_eV_A, max_steps, hessian)
    high = minimise(level.potential(system), low.positions_A, descent, _tell)
    return first, _rung(level, atoms, high, _cpu_s() - began)


def _rung(level: Level, atoms: ase.Atoms, found: Minimum, cpu_s: float) -> Rung:
    bonds = bond_statistics(tuple(atoms.symbols), found.positions_A)
    plain = {kind: each.model_dump() for kind, each in bonds.items()}
    return Rung(f"{level.name} {level.implementation}", level.settings, found, plain, cpu_s)


def _cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def _tell(step: Progress) -> None:
    typer.echo(f"step {step.step:3d}  {step.energy_eV:.4f} eV  {step.fmax_eV_A:.3f} eV/Å", err=True)


def main(
    flake: Annotated[str, typer.Argument(help=", ".join(FLAKES))],
    out: Annotated[Path, typer.Option(help="Where the table goes, as JSON.")],
    level: Annotated[str, typer.Option(help="pyscf, gpaw or qe.")] = "gpaw",
    fmax: Annotated[float, typer.Option(help="eV/Å")] = 0.05,
    steps: Annotated[int, typer.Option(help="Most steps.")] = 60,
) -> None:
    """Climb from GFN1 to a level and write both minima."""
    rungs = climb(FLAKES[flake](), choose_level(level), fmax, steps)
    table = [
        {
            "level": rung.level,
            "settings": rung.settings,
            "energy_eV": rung.found.energy_eV,
            "fmax_eV_A": rung.found.fmax_eV_A,
            "steps": rung.found.steps,
            "converged": rung.found.converged,
            "cpu_s": round(rung.cpu_s, 1),
            "bonds_A": rung.bonds_A,
            "positions_A": rung.found.positions_A.round(5).tolist(),
        }
        for rung in rungs
    ]
    out.write_text(json.dumps({"flake": flake, "rungs": table}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    typer.run(main)
