"""Input of VASP: the paper's PBE calculation, word for word where the paper says it.

The paper: PAW-PBE, 400 eV, Monkhorst-Pack 2 x 2 x 2, forces below 1e-3 eV/Å, molecular dynamics
of 2000 steps of 1 fs under a Nosé-Hoover thermostat. What it does not say carries a comment in
the file. Keywords: the VASP manual. Potentials may not be shipped; `potentials_note` names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from shared.errors import SimulationError
from sim_dispatcher.levels.potential import KELVIN_EV
from sim_dispatcher.levels.programs.calculation import GAMMA, Calculation

__all__ = ["CUTOFF_EV", "POTENTIALS", "WIDTH_EV", "potential_name", "potentials_note", "vasp_files"]

CUTOFF_EV: Final = 400
WIDTH_EV: Final = 0.05
ENERGY_EV: Final = 1e-6

POTENTIALS: Final[Mapping[str, str]] = MappingProxyType(
    {"B": "B", "C": "C", "Cr": "Cr_pv", "H": "H", "N": "N", "O": "O", "Si": "Si"}
)
"""Names within `potpaw_PBE`, as the VASP manual recommends them."""

_OURS: Final = "  # not in the paper"


def potential_name(element: str) -> str:
    """Return the name of an element's potential.

    Raises:
        SimulationError: None is chosen here.
    """
    if element not in POTENTIALS:
        raise SimulationError(
            f"vasp has no PAW-PBE potential chosen for {element} here.",
            remedy=f"Use another level; chosen are {', '.join(POTENTIALS)}.",
        )
    return POTENTIALS[element]


def vasp_files(calculation: Calculation) -> dict[str, str]:
    """Return INCAR, KPOINTS and POSCAR by name.

    Raises:
        SimulationError: The system is charged, or an element has no potential.
    """
    if calculation.charge:
        raise SimulationError(
            "vasp cannot compare charged systems in a periodic box.",
            remedy="Use the level gpaw or pyscf.",
        )
    for element in calculation.elements:
        potential_name(element)
    return {
        "INCAR": _incar(calculation),
        "KPOINTS": _kpoints(calculation),
        "POSCAR": _poscar(calculation),
    }


def potentials_note(calculation: Calculation) -> str:
    """Return what to put in place of the POTCAR that may not be shipped."""
    names = [potential_name(element) for element in calculation.elements]
    rows = "\n".join(f"  potpaw_PBE/{name}/POTCAR" for name in names)
    return (
        "This is not a POTCAR. VASP's licence forbids shipping one, so this input set has never"
        " been run.\nMake POTCAR from your own potentials, joined in this order:\n"
        f"{rows}\nfor example, where VASP_PP_PATH names the folder that holds potpaw_PBE:\n"
        f'  (cd "$VASP_PP_PATH" && cat {" ".join(rows.split())}) > POTCAR\n'
    )


def _incar(calculation: Calculation) -> str:
    tags = {"SYSTEM": calculation.title, "GGA": "PE", "ENCUT": str(CUTOFF_EV)}
    tags |= _electrons(calculation) | _ions(calculation)
    return "\n".join(f"{tag} = {value}" for tag, value in tags.items()) + "\n"


def _electrons(calculation: Calculation) -> dict[str, str]:
    numerics = calculation.numerics
    kelvin = numerics.electronic_temperature_K
    tags = {
        "PREC": f"Accurate{_OURS}",
        "EDIFF": f"{ENERGY_EV * (numerics.accuracy or 1.0):.1e}{_OURS}",
        "ISMEAR": f"0{_OURS}" if kelvin is None else "-1",
        "SIGMA": f"{WIDTH_EV:g}{_OURS}" if kelvin is None else f"{kelvin * KELVIN_EV:.6f}",
        "LREAL": f"Auto{_OURS}",
        "ISPIN": "1",
        "LWAVE": ".TRUE." if calculation.keep else ".FALSE.",
        "LCHARG": ".FALSE.",
    }
    if calculation.unpaired:
        tags |= {"ISPIN": "2", "NUPDOWN": str(calculation.unpaired)}
    if numerics.max_iterations is not None:
        tags["NELM"] = str(numerics.max_iterations)
    if numerics.mixing is not None:
        tags["AMIX"] = f"{numerics.mixing:g}"
    return tags


def _ions(calculation: Calculation) -> dict[str, str]:
    if calculation.kind == "point":
        return {"IBRION": "-1", "NSW": "0"}
    if calculation.kind == "relax":
        return {
            "IBRION": f"2{_OURS}",
            "ISIF": "2  # a box of vacuum has no shape to relax",
            "NSW": str(calculation.steps),
            "EDIFFG": f"-{calculation.fmax_eV_A:.0e}".upper(),
        }
    return {
        "IBRION": "0",
        "MDALGO": "2",
        "SMASS": "0",
        "ISIF": "2",
        "ISYM": "0",
        "POTIM": f"{calculation.timestep_fs:g}",
        "NSW": str(calculation.steps),
        "TEBEG": f"{calculation.temperature_K:g}",
        "TEEND": f"{calculation.temperature_K:g}",
    }


def _kpoints(calculation: Calculation) -> str:
    scheme = "Gamma" if calculation.mesh == GAMMA else "Monkhorst-Pack"
    mesh = " ".join(map(str, calculation.mesh))
    return f"{calculation.title}\n0\n{scheme}\n{mesh}\n0 0 0\n"


def _poscar(calculation: Calculation) -> str:
    """Return the atoms by element; `Selective dynamics` where something is held."""
    order = calculation.order
    counts = [calculation.symbols.count(element) for element in calculation.elements]
    rows = [
        calculation.title,
        "1.0",
        *("  " + " ".join(f"{x:.8f}" for x in row) for row in calculation.lattice_A),
        " ".join(calculation.elements),
        " ".join(map(str, counts)),
    ]
    held = not calculation.free.all()
    rows += ["Selective dynamics", "Cartesian"] if held else ["Cartesian"]
    letters = np.where(calculation.free, "T", "F")
    for index in order:
        place = "  " + " ".join(f"{x:.8f}" for x in calculation.positions_A[index])
        rows.append(f"{place} {' '.join(letters[index])}" if held else place)
    return "\n".join(rows) + "\n"
