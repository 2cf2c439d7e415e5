"""Input of Quantum ESPRESSO's pw.x: PBE at the paper's cut-off.

Keywords: the `INPUT_PW` description that comes with pw.x. The thermostat of the paper, Nosé and
Hoover's, is not among those of pw.x, so there is no input for molecular dynamics.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from ase.data import atomic_masses, atomic_numbers

from shared.errors import ConfigurationError, SimulationError
from sim_dispatcher.levels.potential import BOHR_A, HARTREE_EV, KELVIN_EV
from sim_dispatcher.levels.programs.calculation import GAMMA, Calculation

__all__ = ["CUTOFF_RY", "PSEUDOPOTENTIALS", "WIDTH_RY", "pseudopotential", "pw_input"]

CUTOFF_RY: Final = 29.4
"""400 eV."""

DENSITY_FACTOR: Final = 8
"""Cut-off of the density over that of the wave function: what ultrasoft potentials need."""

WIDTH_RY: Final = 0.003675
"""0.05 eV of Fermi-Dirac smearing: settles flakes whose gap is small."""

ENERGY_RY: Final = 1e-6
"""Estimated error of the energy at which a field counts as self-consistent."""

PSEUDOPOTENTIALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "B": "B.pbe-n-kjpaw_psl.1.0.0.UPF",
        "C": "C.pbe-rrkjus.UPF",
        "Cr": "Cr.pbe-spn-kjpaw_psl.1.0.0.UPF",
        "H": "H.pbe-kjpaw.UPF",
        "N": "N.pbe-n-kjpaw_psl.1.0.0.UPF",
        "O": "O.pbe-kjpaw.UPF",
        "Si": "Si.pbe-nl-rrkjus_psl.1.0.0.UPF",
    }
)
"""The PBE files of Debian's `quantum-espresso-data`."""

_TASKS: Final = {"point": "scf", "relax": "relax"}


def pseudopotential(element: str) -> str:
    """Return the name of an element's file.

    Raises:
        SimulationError: None is known here.
    """
    if element not in PSEUDOPOTENTIALS:
        raise SimulationError(
            f"qe has no PBE pseudopotential for {element} here.",
            remedy=f"Use another level; known are {', '.join(PSEUDOPOTENTIALS)}.",
        )
    return PSEUDOPOTENTIALS[element]


def pw_input(calculation: Calculation, folder: str, *, warm: bool = False) -> str:
    """Return the input text of pw.x.

    Args:
        calculation: A single point or a relaxation.
        folder: Where the pseudopotentials lie.
        warm: Whether wave function and density of a similar point are in `out`.

    Raises:
        ConfigurationError: Molecular dynamics was asked for.
        SimulationError: The system is charged, or an element has no pseudopotential.
    """
    if calculation.kind not in _TASKS:
        raise ConfigurationError(
            "pw.x has no Nosé-Hoover thermostat, so qe computes no molecular dynamics here.",
            remedy="Use the level vasp or dftb, or gfn1.",
        )
    if calculation.charge:
        raise SimulationError(
            "qe cannot compare charged systems in a periodic box.",
            remedy="Use the level gpaw or pyscf.",
        )
    lists = {
        "CONTROL": _control(calculation, folder),
        "SYSTEM": _system(calculation),
        "ELECTRONS": _electrons(calculation, warm=warm),
        "IONS": {"ion_dynamics": "'bfgs'"} if calculation.kind == "relax" else {},
    }
    blocks = [
        "\n".join((f"&{name}", *(f"  {key} = {value}" for key, value in words.items()), "/"))
        for name, words in lists.items()
        if words
    ]
    cards = (_species(calculation), _points(calculation), _cell(calculation), _atoms(calculation))
    return "\n".join((*blocks, *cards)) + "\n"


def _control(calculation: Calculation, folder: str) -> dict[str, str]:
    words = {
        "title": f"'{calculation.title}'",
        "calculation": f"'{_TASKS[calculation.kind]}'",
        "prefix": "'atomloop'",
        "outdir": "'./out'",
        "pseudo_dir": f"'{folder}'",
        "tprnfor": ".true.",
        "disk_io": "'medium'" if calculation.keep else "'low'",
    }
    if calculation.kind == "relax":
        atomic_unit = HARTREE_EV / 2 / BOHR_A
        words |= {
            "nstep": str(calculation.steps),
            "etot_conv_thr": "1.0e-6",
            "forc_conv_thr": f"{calculation.fmax_eV_A / atomic_unit:.3e}",
        }
    return words


def _system(calculation: Calculation) -> dict[str, str]:
    kelvin = calculation.numerics.electronic_temperature_K
    width = WIDTH_RY if kelvin is None else 2 * kelvin * KELVIN_EV / HARTREE_EV
    words = {
        "ibrav": "0",
        "nat": str(len(calculation.symbols)),
        "ntyp": str(len(calculation.elements)),
        "ecutwfc": f"{CUTOFF_RY:g}",
        "ecutrho": f"{CUTOFF_RY * DENSITY_FACTOR:g}",
        "occupations": "'smearing'",
        "smearing": "'fermi-dirac'",
        "degauss": f"{width:.6f}",
        "nosym": ".true.",
    }
    if calculation.unpaired:
        words |= {"nspin": "2", "tot_magnetization": str(calculation.unpaired)}
    return words


def _electrons(calculation: Calculation, *, warm: bool) -> dict[str, str]:
    numerics = calculation.numerics
    words = {"conv_thr": f"{ENERGY_RY * (numerics.accuracy or 1.0):.1e}"}
    if numerics.max_iterations is not None:
        words["electron_maxstep"] = str(numerics.max_iterations)
    if numerics.mixing is not None:
        words["mixing_beta"] = f"{numerics.mixing:g}"
    if warm:
        words |= {"startingwfc": "'file'", "startingpot": "'file'"}
    return words


def _species(calculation: Calculation) -> str:
    rows = [
        f"  {element} {atomic_masses[atomic_numbers[element]]:.3f} {pseudopotential(element)}"
        for element in calculation.elements
    ]
    return "\n".join(("ATOMIC_SPECIES", *rows))


def _points(calculation: Calculation) -> str:
    if calculation.mesh == GAMMA:
        return "K_POINTS gamma"
    shift = [1 if n % 2 == 0 else 0 for n in calculation.mesh]  # Monkhorst and Pack's own
    return "K_POINTS automatic\n  " + " ".join(map(str, (*calculation.mesh, *shift)))


def _cell(calculation: Calculation) -> str:
    rows = ["  " + " ".join(f"{x:.8f}" for x in row) for row in calculation.lattice_A]
    return "\n".join(("CELL_PARAMETERS angstrom", *rows))


def _atoms(calculation: Calculation) -> str:
    held = not calculation.free.all()
    rows = []
    for symbol, place, free in zip(
        calculation.symbols, calculation.positions_A, calculation.free.astype(np.int64), strict=True
    ):
        row = f"  {symbol} " + " ".join(f"{x:.8f}" for x in place)
        rows.append(row + " " + " ".join(map(str, free)) if held else row)
    return "\n".join(("ATOMIC_POSITIONS angstrom", *rows))
