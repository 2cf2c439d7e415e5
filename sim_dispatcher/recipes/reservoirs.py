"""Where atoms come from and go to: chemical potentials, computed by this code at each level.

Carbon is exchanged with graphene, silicon with diamond-structure silicon, hydrogen with its
molecule. Solids are periodic supercells at the Gamma point (tblite) at the
level's own lattice constant. The shipped table is made by

    python -m sim_dispatcher.recipes.reservoirs > sim_dispatcher/recipes/potentials.json
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import typer
from ase.build import bulk, molecule

from sim_dispatcher.levels import Level, LevelName, System
from sim_dispatcher.levels.libtblite import TbliteLevel
from sim_dispatcher.levels.potential import Array
from sim_dispatcher.recipes.minimise import Descent, minimise

__all__ = [
    "LEVELS",
    "RESERVOIRS",
    "Reservoir",
    "cell_energy",
    "graphene_cell",
    "main",
    "silicon_cell",
]

Cell: TypeAlias = tuple[System, Array]
"""A periodic system and the (n, 3) positions of its atoms, Å."""

VACUUM_A: Final = 20.0
"""Distance between periodic images of a sheet, Å."""

LEVELS: Final[tuple[LevelName, ...]] = ("gfn1",)
"""Levels of the table."""


@dataclass(frozen=True)
class Reservoir:
    """One element's source.

    Attributes:
        element: Chemical symbol.
        note: Which solid or molecule, in words.
        mu_eV: Energy per atom at a level, eV.
    """

    element: str
    note: str
    mu_eV: Callable[[Level], float]


def graphene_cell(lattice_A: float, along: int) -> Cell:
    """Return a near-square rectangular supercell of flat graphene.

    Args:
        lattice_A: Lattice constant, Å.
        along: Unit cells along the zigzag direction; multiples of 3 contain the Dirac point.
    """
    bond = lattice_A / np.sqrt(3)
    across = round(along / np.sqrt(3))
    base = np.array([[0, 0], [0, bond], [lattice_A / 2, 1.5 * bond], [lattice_A / 2, 2.5 * bond]])
    i, j = np.mgrid[:along, :across].reshape(2, -1)
    corners = np.stack([i * lattice_A, j * 3 * bond], axis=1)
    flat = (corners[:, None] + base).reshape(-1, 2)
    positions = np.column_stack([flat, np.full(len(flat), VACUUM_A / 2)])
    lattice = np.diag([along * lattice_A, across * 3 * bond, VACUUM_A])
    return System(np.full(len(flat), 6), lattice_A=lattice), positions


def silicon_cell(lattice_A: float, along: int) -> Cell:
    """Return a supercell of diamond-structure silicon, `along` primitive cells each way."""
    atoms = bulk("Si", "diamond", a=lattice_A) * (along, along, along)
    return System(atoms.numbers, lattice_A=np.asarray(atoms.cell.array)), atoms.positions


def cell_energy(level: Level, cell: Cell) -> float:
    """Return the energy per atom of a cell as it stands, eV."""
    system, positions = cell
    return level.potential(system).evaluate(positions).energy_eV / len(system)


def _best_lattice(
    level: Level, cell: Callable[[float, int], Cell], near_A: float, along: int
) -> float:
    """Return the lattice constant of least energy, from a parabola through three points, Å."""
    trials = near_A * np.array([0.99, 1.0, 1.01])
    energies = [cell_energy(level, cell(float(a), along)) for a in trials]
    curve = np.polyfit(trials, energies, 2)
    return float(-curve[1] / (2 * curve[0]))


def _graphene_mu(level: Level) -> float:
    """Return carbon's potential: two cells, extrapolated with the Dirac cone's 1/L^3."""
    lattice = _best_lattice(level, graphene_cell, 2.46, 9)
    cells = [graphene_cell(lattice, along) for along in (9, 12)]
    small, large = (cell_energy(level, cell) for cell in cells)
    weights = [len(system) ** -1.5 for system, _ in cells]
    return float(large + (large - small) * weights[1] / (weights[0] - weights[1]))


def _silicon_mu(level: Level) -> float:
    lattice = _best_lattice(level, silicon_cell, 5.43, 3)
    return cell_energy(level, silicon_cell(lattice, 4))


def _hydrogen_mu(level: Level) -> float:
    atoms = molecule("H2")
    potential = level.potential(System(atoms.numbers))
    free = np.ones((len(atoms), 3), dtype=bool)
    found = minimise(potential, atoms.positions, Descent(free, fmax_eV_A=0.001))
    return float(found.energy_eV / len(atoms))


RESERVOIRS: Final = (
    Reservoir("C", "graphene (periodic, extrapolated in cell size)", _graphene_mu),
    Reservoir(
        "Si", "diamond-structure silicon (128-atom cell; 250 atoms give 0.05 eV less)", _silicon_mu
    ),
    Reservoir("H", "half of H2 (0.3 eV off what CH4 and graphene imply)", _hydrogen_mu),
)
"""Every element a formation energy may exchange.

Nitrogen and oxygen are left out on purpose: measured against NH3 and H2O and their enthalpies of
formation, GFN1's N2 and O2 are wrong by more than 2 eV per atom, so that a dopant would seem to
enter graphene by itself.
"""


def main() -> None:
    """Compute the table anew and write it to standard output as JSON."""
    levels = [TbliteLevel(name) for name in LEVELS]
    table = {
        "command": "python -m sim_dispatcher.recipes.reservoirs",
        "software": levels[0].implementation,
        "notes": {source.element: source.note for source in RESERVOIRS},
        "mu_eV": {
            level.name: {s.element: round(s.mu_eV(level), 4) for s in RESERVOIRS}
            for level in levels
        },
    }
    typer.echo(json.dumps(table, indent=2))


if __name__ == "__main__":
    main()
