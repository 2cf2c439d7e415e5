"""Input of DFTB+ 21.1, the paper's version: self-consistent charges, Nosé-Hoover thermostat.

The paper does not name its Slater-Koster files. Here they are `pbc-0-3`
(doi:10.1103/PhysRevB.58.7260 and the set's own references; https://dftb.org), which covers
graphene, its hydrogen and silicon; they come with their own licence and are not shipped.
Keywords: the DFTB+ manual.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from shared.errors import SimulationError
from sim_dispatcher.levels.programs.calculation import GAMMA, Calculation

__all__ = ["SHELLS", "SLATER_KOSTER", "dftb_files"]

SLATER_KOSTER: Final = "pbc-0-3"

SHELLS: Final[Mapping[str, str]] = MappingProxyType(
    {"C": "p", "F": "p", "Fe": "d", "H": "s", "N": "p", "O": "p", "Si": "d"}
)
"""Highest angular momentum of each element of the set."""

CHARGE_E: Final = 1e-6
FILLING_K: Final = 300.0
COUPLING: Final = 3200
"""Of the thermostat, 1/cm: about the stretching of C-H, the manual's advice."""

_PARSER: Final = 9
"""Input language of DFTB+ 21.1; later versions still read it."""


def dftb_files(calculation: Calculation, folder: str) -> dict[str, str]:
    """Return `dftb_in.hsd` and `geometry.gen` by name.

    Args:
        calculation: What to do.
        folder: Where the Slater-Koster files lie, with a slash at its end.

    Raises:
        SimulationError: The set has no such element.
    """
    for element in calculation.elements:
        if element not in SHELLS:
            raise SimulationError(
                f"dftb has no Slater-Koster files of {element} in {SLATER_KOSTER}.",
                remedy=f"Use another level; the set covers {', '.join(SHELLS)}.",
            )
    blocks = (
        'Geometry = GenFormat {\n  <<< "geometry.gen"\n}',
        _driver(calculation),
        _hamiltonian(calculation, folder),
        "Options {\n  WriteResultsTag = Yes\n}",
        "Analysis {\n  CalculateForces = Yes\n}",
        f"ParserOptions {{\n  ParserVersion = {_PARSER}\n}}",
    )
    head = f"# {calculation.title}; Slater-Koster files {SLATER_KOSTER}\n"
    if calculation.unpaired:
        head += (
            f"# {calculation.unpaired} unpaired: the set has no spin constants, so closed shell\n"
        )
    return {"dftb_in.hsd": head + "\n".join(blocks) + "\n", "geometry.gen": _geometry(calculation)}


def _driver(calculation: Calculation) -> str:
    if calculation.kind == "point":
        return "Driver = {}"
    moved = np.flatnonzero(calculation.free.any(axis=1)) + 1
    which = "1:-1" if len(moved) == len(calculation.symbols) else " ".join(map(str, moved))
    if calculation.kind == "md":
        return (
            "Driver = VelocityVerlet {\n"
            f"  MovedAtoms = {which}\n  Steps = {calculation.steps}\n"
            f"  TimeStep [Femtosecond] = {calculation.timestep_fs:g}\n"
            "  Thermostat = NoseHoover {\n"
            f"    Temperature [Kelvin] = {calculation.temperature_K:g}\n"
            f"    CouplingStrength [cm^-1] = {COUPLING}\n  }}\n"
            "  MDRestartFrequency = 1\n}"
        )
    return (
        "Driver = ConjugateGradient {\n"
        f"  MovedAtoms = {which}\n  MaxSteps = {calculation.steps}\n"
        f"  MaxForceComponent [eV/AA] = {calculation.fmax_eV_A:g}\n"
        f"{_constraints(calculation)}}}"
    )


def _constraints(calculation: Calculation) -> str:
    """Return one line per axis that an otherwise movable atom must not move along."""
    rows = []
    for atom, free in enumerate(calculation.free, start=1):
        if free.any() and not free.all():
            rows += [
                f"    {atom} " + " ".join(f"{x:.1f}" for x in np.eye(3)[axis])
                for axis in np.flatnonzero(~free)
            ]
    return "\n".join(("  Constraints {", *rows, "  }", "")) if rows else ""


def _hamiltonian(calculation: Calculation, folder: str) -> str:
    numerics = calculation.numerics
    kelvin = numerics.electronic_temperature_K or FILLING_K
    shells = "\n".join(f'    {element} = "{SHELLS[element]}"' for element in calculation.elements)
    rows = [
        "Hamiltonian = DFTB {",
        "  SCC = Yes",
        f"  SCCTolerance = {CHARGE_E * (numerics.accuracy or 1.0):.1e}",
        f"  Charge = {calculation.charge}",
        f"  MaxAngularMomentum {{\n{shells}\n  }}",
        f'  SlaterKosterFiles = Type2FileNames {{\n    Prefix = "{folder}"',
        '    Separator = "-"\n    Suffix = ".skf"\n  }',
        f"  Filling = Fermi {{\n    Temperature [Kelvin] = {kelvin:g}\n  }}",
    ]
    if numerics.max_iterations is not None:
        rows.append(f"  MaxSCCIterations = {numerics.max_iterations}")
    if numerics.mixing is not None:
        rows.append(f"  Mixer = Broyden {{\n    MixingParameter = {numerics.mixing:g}\n  }}")
    if calculation.periodic:
        rows.append(_folding(calculation))
    return "\n".join((*rows, "}"))


def _folding(calculation: Calculation) -> str:
    mesh = calculation.mesh
    rows = [" ".join(map(str, row)) for row in np.diag(mesh)]
    shift = " ".join("0.0" if n % 2 else "0.5" for n in mesh) if mesh != GAMMA else "0.0 0.0 0.0"
    inner = "\n".join(f"    {row}" for row in (*rows, shift))
    return f"  KPointsAndWeights = SupercellFolding {{\n{inner}\n  }}"


def _geometry(calculation: Calculation) -> str:
    elements = calculation.elements
    rows = [
        f"{len(calculation.symbols)} {'S' if calculation.periodic else 'C'}",
        " ".join(elements),
    ]
    for number, (symbol, place) in enumerate(
        zip(calculation.symbols, calculation.positions_A, strict=True), start=1
    ):
        where = " ".join(f"{x:.8f}" for x in place)
        rows.append(f"{number} {elements.index(symbol) + 1} {where}")
    if calculation.periodic:
        rows += ["0.0 0.0 0.0", *(" ".join(f"{x:.8f}" for x in v) for v in calculation.lattice_A)]
    return "\n".join(rows) + "\n"
