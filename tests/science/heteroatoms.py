"""Why nitrogen and oxygen have no chemical potential here: what molecules imply about it.

    python -m tests.science.heteroatoms

Each molecule's energy, less carbon from graphene, hydrogen from H2 and its enthalpy of formation
at 0 K without zero-point energies, leaves the potential of the element. A sound method gives the
same number whichever molecule is asked.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import typer
from ase.build import molecule

from sim_dispatcher.levels import System
from sim_dispatcher.levels.libtblite import TbliteLevel
from sim_dispatcher.recipes.formation import chemical_potentials
from sim_dispatcher.recipes.minimise import Descent, minimise

KJ_MOL_EV: Final = 0.010364
ZERO_POINT_EV: Final = {"C": 0.172, "H": 0.135, "N": 0.073, "O": 0.049}
"""Per atom, in graphite, H2, N2 and O2."""

MEASURED: Final = {
    "N": {"N2": (0.0, 0.146), "HCN": (129.7, 0.431), "C5H5N": (157.6, 2.39), "NH3": (-38.6, 0.894)},
    "O": {
        "O2": (0.0, 0.098),
        "CO": (-113.8, 0.134),
        "CO2": (-393.1, 0.314),
        "H2O": (-238.9, 0.575),
    },
}
"""Enthalpy of formation at 0 K, kJ/mol, and zero-point energy, eV: Active Thermochemical Tables
(https://atct.anl.gov) and https://cccbdb.nist.gov."""


def implied_eV(name: str, element: str, level: TbliteLevel, mu_eV: dict[str, float]) -> float:
    atoms = molecule(name)
    unpaired = 2 if name == "O2" else 0
    surface = level.potential(System(atoms.numbers, unpaired=unpaired))
    free = np.ones((len(atoms), 3), dtype=bool)
    energy = minimise(surface, atoms.positions, Descent(free, fmax_eV_A=0.01)).energy_eV
    symbols = list(atoms.symbols)
    enthalpy, zero_point = MEASURED[element][name]
    electronic = enthalpy * KJ_MOL_EV - zero_point + sum(ZERO_POINT_EV[s] for s in symbols)
    others = sum(mu_eV[s] for s in symbols if s != element)
    return (energy - others - electronic) / symbols.count(element)


def main() -> None:
    """Print what each molecule implies, and the scatter."""
    for name, mu_eV in chemical_potentials()["mu_eV"].items():
        for element, molecules in MEASURED.items():
            found = {m: implied_eV(m, element, TbliteLevel(name), mu_eV) for m in molecules}
            words = ", ".join(f"{m} {value:.2f}" for m, value in found.items())
            typer.echo(f"{name} {element}: {words}; scatter {np.ptp(list(found.values())):.2f} eV")


if __name__ == "__main__":
    typer.run(main)
