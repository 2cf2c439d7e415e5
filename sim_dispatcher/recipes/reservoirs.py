"""Where atoms come from and go to: chemical potentials, computed by this code at each level.

Carbon is exchanged with graphene, silicon with diamond-structure silicon, hydrogen with its
molecule. Solids are periodic supercells at the Gamma point (tblite) at the level's own lattice
constant. Each potential has an error, in eV per atom: of a solid what larger cells change, of
hydrogen what methane's enthalpy of formation says instead. The shipped table is made in one run;
with `--keep FILE` it takes up where it was stopped:

    python -m sim_dispatcher.recipes.reservoirs > sim_dispatcher/recipes/potentials.json
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeAlias

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
    "Bench",
    "Mu",
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

LEVELS: Final[tuple[LevelName, ...]] = ("gfn1", "gfn2")
"""Levels of the table."""


METHANE_eV: Final = -1.18
"""Electronic energy of CH4 less graphene and 2 H2, eV: its enthalpy of formation at 0 K
(-66.5 kJ/mol, Active Thermochemical Tables, https://atct.anl.gov) without the zero-point energies
of methane (1.20 eV), graphite (0.17 eV per atom) and H2 (0.27 eV)."""


@dataclass(frozen=True)
class Mu:
    """A chemical potential and its error, eV per atom."""

    value_eV: float
    error_eV: float


@dataclass(frozen=True)
class Reservoir:
    """One element's source.

    Attributes:
        element: Chemical symbol.
        note: Which solid or molecule, in words.
        mu: Its chemical potential at a level, computed by a bench.
    """

    element: str
    note: str
    mu: Callable[[Bench], Mu]


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


class Bench:
    """Computes at one level and remembers every energy in a file.

    Args:
        level: Of theory.
        keep: JSON file of energies; None = nothing is kept.
    """

    def __init__(self, level: Level, keep: Path | None = None) -> None:
        self.level = level
        self._keep = keep
        self._known: dict[str, float] = {}
        if keep is not None and keep.exists():
            self._known = json.loads(keep.read_text("utf-8"))

    def once(self, name: str, compute: Callable[[], float]) -> float:
        """Return a number by name, computed unless it was before."""
        key = f"{self.level.name} {self.level.implementation} {name}"
        if key not in self._known:
            self._known[key] = compute()
            if self._keep is not None:
                self._keep.write_text(json.dumps(self._known, indent=1), "utf-8")
        return self._known[key]

    def solid(self, make: Callable[[float, int], Cell], lattice_A: float, along: int) -> float:
        """Return the energy per atom of a supercell, eV."""
        name = f"{make.__name__} {lattice_A:.6f} {along}"
        return self.once(name, lambda: cell_energy(self.level, make(lattice_A, along)))

    def lattice(self, make: Callable[[float, int], Cell], near_A: float, along: int) -> float:
        """Return the lattice constant of least energy, Å.

        A parabola through three points, drawn anew around its minimum until that lies among them.
        """
        while True:
            trials = np.round(near_A * np.array([0.99, 1.0, 1.01]), 3)
            energies = [self.solid(make, float(a), along) for a in trials]
            curve = np.polyfit(trials, energies, 2)
            near_A = float(np.clip(-curve[1] / (2 * curve[0]), 0.97 * near_A, 1.03 * near_A))
            if trials[0] <= near_A <= trials[-1]:
                return round(near_A, 3)

    def molecule(self, name: str) -> float:
        """Return the energy of a relaxed molecule of ASE's collection, eV."""

        def relaxed() -> float:
            atoms = molecule(name)
            free = np.ones((len(atoms), 3), dtype=bool)
            surface = self.level.potential(System(atoms.numbers))
            return minimise(surface, atoms.positions, Descent(free, fmax_eV_A=0.005)).energy_eV

        return self.once(name, relaxed)


def _graphene_mu(bench: Bench) -> Mu:
    """Return carbon's potential: two cells, extrapolated with the Dirac cone's 1/L^3."""
    lattice = bench.lattice(graphene_cell, 2.46, 9)
    small, large = (bench.solid(graphene_cell, lattice, along) for along in (9, 12))
    weights = [len(graphene_cell(lattice, along)[0]) ** -1.5 for along in (9, 12)]
    value = large + (large - small) * weights[1] / (weights[0] - weights[1])
    return Mu(value, abs(value - large))


def _silicon_mu(bench: Bench) -> Mu:
    """Return silicon's potential in 128 atoms, and how far that is from ever larger cells.

    The steps to 128 and to 250 atoms shrink; the rest is taken as their geometric series.
    """
    lattice = bench.lattice(silicon_cell, 5.43, 3)
    small, value, large = (bench.solid(silicon_cell, lattice, along) for along in (3, 4, 5))
    shrinks = min(abs((large - value) / (value - small)), 0.9)
    return Mu(value, abs(large - value) / (1 - shrinks))


def _hydrogen_mu(bench: Bench) -> Mu:
    """Return half of H2, and how far that is from what methane and graphene imply."""
    value = bench.molecule("H2") / 2
    implied = (bench.molecule("CH4") - METHANE_eV - _graphene_mu(bench).value_eV) / 4
    return Mu(value, abs(value - implied))


RESERVOIRS: Final = (
    Reservoir("C", "graphene (periodic, extrapolated in cell size)", _graphene_mu),
    Reservoir("Si", "diamond-structure silicon (128-atom cell)", _silicon_mu),
    Reservoir("H", "half of H2", _hydrogen_mu),
)
"""Every element a formation energy may exchange.

Boron, nitrogen and oxygen are left out on purpose. At GFN1 the potential of nitrogen that follows
from N2, HCN, pyridine and NH3 with their enthalpies of formation scatters over 2.1 eV per atom
(`python -m tests.science.heteroatoms`), so that the sign of a dopant's formation energy would
depend on the choice. A defect that holds them gets its total energy and no formation energy.
"""


def _row(bench: Bench) -> dict[str, Mu]:
    return {source.element: source.mu(bench) for source in RESERVOIRS}


def main(
    keep: Annotated[Path | None, typer.Option(help="Energies computed so far, as JSON.")] = None,
) -> None:
    """Compute the table anew and write it to standard output as JSON."""
    levels = [TbliteLevel(name) for name in LEVELS]
    found = {level.name: _row(Bench(level, keep)) for level in levels}
    table = {
        "command": "python -m sim_dispatcher.recipes.reservoirs",
        "software": levels[0].implementation,
        "notes": {source.element: source.note for source in RESERVOIRS},
        "mu_eV": {
            name: {element: round(mu.value_eV, 4) for element, mu in row.items()}
            for name, row in found.items()
        },
        "mu_error_eV": {
            name: {element: round(mu.error_eV, 4) for element, mu in row.items()}
            for name, row in found.items()
        },
    }
    typer.echo(json.dumps(table, indent=2))


if __name__ == "__main__":
    typer.run(main)
