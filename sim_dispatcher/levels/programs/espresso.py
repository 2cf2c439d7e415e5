"""PBE by Quantum ESPRESSO as Debian packages it: pw.x, once per point.

Code: doi:10.1088/1361-648X/aa8f79.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from shared.errors import NotConvergedError, SimulationError
from sim_dispatcher.levels.level import LevelName
from sim_dispatcher.levels.numerics import (
    CHECK_STRUCTURE,
    ENGINE_DEFAULTS,
    TRY_MILDER,
    Numerics,
)
from sim_dispatcher.levels.potential import BOHR_A, HARTREE_EV, Evaluation, System
from sim_dispatcher.levels.programs.calculation import Calculation
from sim_dispatcher.levels.programs.espresso_input import (
    CUTOFF_RY,
    PSEUDOPOTENTIALS,
    pseudopotential,
    pw_input,
)
from sim_dispatcher.levels.programs.points import PointPotential
from sim_dispatcher.levels.programs.process import find_program, last_words, run_program
from sim_dispatcher.levels.scratch import WorkingFolder

__all__ = ["EspressoLevel"]

_DEBIAN: Final = "/usr/share/espresso/pseudo"
_INPUT: Final = "pw.in"
_OUTPUT: Final = "pw.out"
_ENERGY: Final = re.compile(r"^!\s+total energy\s+=\s+(\S+) Ry", re.MULTILINE)
_FORCE: Final = re.compile(r"atom\s+\d+ type\s+\d+\s+force =\s+(\S+)\s+(\S+)\s+(\S+)")
_VERSION: Final = re.compile(r"Program PWSCF v\.(\S+?)(?:MaX)? starts")
_COMPLAINT: Final = re.compile(r"Error in routine (\S+).*\n\s*(\S.*?)\s*\n")


def _folder() -> Path:
    """Return where the pseudopotentials are: ESPRESSO_PSEUDO, or Debian's place."""
    return Path(os.environ.get("ESPRESSO_PSEUDO", _DEBIAN))


@cache
def _version(program: str) -> str:
    """Return the version that pw.x prints before it finds that it has no input."""
    folder = WorkingFolder()
    found = _VERSION.search(run_program([program], folder.path, _OUTPUT))
    return found.group(1) if found else "of unknown version"


def _complaint(printed: str) -> str:
    found = _COMPLAINT.search(printed)
    return " ".join(found.groups()) if found else last_words(printed)


@dataclass(frozen=True)
class EspressoLevel:
    """PBE in plane waves at the paper's cut-off, at Gamma.

    Attributes:
        name: `qe`.
        max_atoms: Largest system that answers in a live session.
        can_react: Always true.
        periodic: Always true.
        vacuum_A: Between a molecule and the walls of its box, Å.
    """

    name: LevelName = "qe"
    max_atoms: int = 60
    can_react: bool = True
    periodic: bool = True
    vacuum_A: float = 4.0

    @property
    def implementation(self) -> str:
        """Program and version, for the provenance of an answer."""
        program = find_program("pw.x")
        return f"Quantum ESPRESSO pw.x {_version(program) if program else ''}".rstrip()

    @property
    def settings(self) -> str:
        """Functional, cut-offs, k-points and smearing as really used."""
        return (
            "PBE, ultrasoft and PAW potentials of quantum-espresso-data,"
            f" {CUTOFF_RY:g} Ry (400 eV), Gamma,"
            f" Fermi-Dirac 0.05 eV, {self.vacuum_A:g} Å of vacuum, energy to 1e-6 Ry"
        )

    def unavailable(self) -> str | None:
        """Say why this host cannot run it, or None where it can."""
        if find_program("pw.x") is None:
            return "program not found on PATH: pw.x (Debian: apt install quantum-espresso)"
        if not (_folder() / PSEUDOPOTENTIALS["C"]).exists():
            return (
                f"no pseudopotentials in {_folder()}"
                " (Debian: apt install quantum-espresso-data; or set ESPRESSO_PSEUDO)"
            )
        return None

    def potential(self, system: System, numerics: Numerics = ENGINE_DEFAULTS) -> PointPotential:
        """Prepare the energy surface of a molecule or a periodic cell."""
        return PointPotential(self, system, numerics)

    def compute(self, calculation: Calculation, folder: Path, *, warm: bool) -> Evaluation:
        """Compute one point; see `Program.compute`."""
        for element in calculation.elements:
            pseudopotential(element)
        text = pw_input(calculation, str(_folder()), warm=warm)
        (folder / _INPUT).write_text(text, "utf-8")
        program = find_program("pw.x") or "pw.x"
        printed = run_program([program, "-in", _INPUT], folder, _OUTPUT)
        if "convergence NOT achieved" in printed:
            raise NotConvergedError(
                "qe gave no energy: convergence not achieved.", remedy=TRY_MILDER
            )
        energy = _ENERGY.findall(printed)
        forces = np.array(_FORCE.findall(printed)[: len(calculation.symbols)], dtype=float)
        if not energy or len(forces) != len(calculation.symbols):
            raise SimulationError(
                f"qe gave no energy: {_complaint(printed)}.", remedy=CHECK_STRUCTURE
            )
        rydberg = HARTREE_EV / 2
        return Evaluation(float(energy[-1]) * rydberg, forces * (rydberg / BOHR_A))
