"""PBE by VASP where a site has it: once per point, with the site's own potentials.

Code: doi:10.1103/PhysRevB.54.11169; it is not free, so the reading of its output is tested
on files in its documented format, not on VASP itself.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import ase.io
import numpy as np

from shared.errors import NotConvergedError, SimulationError
from sim_dispatcher.levels.level import LevelName
from sim_dispatcher.levels.numerics import (
    CHECK_STRUCTURE,
    ENGINE_DEFAULTS,
    TRY_MILDER,
    Numerics,
)
from sim_dispatcher.levels.potential import Array, Evaluation, System
from sim_dispatcher.levels.programs.calculation import Calculation
from sim_dispatcher.levels.programs.points import PointPotential
from sim_dispatcher.levels.programs.process import find_program, last_words, run_program
from sim_dispatcher.levels.programs.vasp_input import (
    CUTOFF_EV,
    WIDTH_EV,
    potential_name,
    vasp_files,
)

__all__ = ["VaspLevel"]

_PROGRAM: Final = "vasp_std"
_FOLDER: Final = "VASP_PP_PATH"
_OUTPUT: Final = "vasp.out"
_RESULT: Final = "vasprun.xml"
_CYCLES: Final = re.compile(r'name="NELM">\s*(\d+)')


def _potentials() -> Path | None:
    """Return the folder of PAW-PBE potentials that VASP_PP_PATH leads to, or None."""
    root = os.environ.get(_FOLDER)
    folder = None if root is None else Path(root, "potpaw_PBE")
    return folder if folder is not None and folder.is_dir() else None


@dataclass(frozen=True)
class VaspLevel:
    """PBE at the paper's cut-off, at Gamma.

    Attributes:
        name: `vasp`.
        max_atoms: Largest system accepted; a site that has VASP has the computers for it.
        can_react: Always true.
        periodic: Always true.
        vacuum_A: Between a molecule and the walls of its box, Å.
        implementation: Program, for the provenance of an answer.
    """

    name: LevelName = "vasp"
    max_atoms: int = 200
    can_react: bool = True
    periodic: bool = True
    vacuum_A: float = 4.0
    implementation: str = "VASP vasp_std"

    @property
    def settings(self) -> str:
        """Functional, cut-off, k-points and smearing as really used."""
        return (
            f"PBE, PAW, {CUTOFF_EV} eV, Gamma, Gaussian {WIDTH_EV:g} eV,"
            f" {self.vacuum_A:g} Å of vacuum, energy to 1e-6 eV"
        )

    def unavailable(self) -> str | None:
        """Say why this host cannot run it, or None where it can."""
        written = "input sets are written (sim-dispatcher inputs); "
        if find_program(_PROGRAM) is None:
            return f"{written}program not found on PATH: {_PROGRAM}"
        if _potentials() is None:
            return f"{written}{_FOLDER} leads to no folder potpaw_PBE"
        return None

    def potential(self, system: System, numerics: Numerics = ENGINE_DEFAULTS) -> PointPotential:
        """Prepare the energy surface of a molecule or a periodic cell."""
        return PointPotential(self, system, numerics)

    def compute(self, calculation: Calculation, folder: Path, *, warm: bool) -> Evaluation:
        """Compute one point; see `Program.compute`."""
        if not warm:
            (folder / "WAVECAR").unlink(missing_ok=True)
        (folder / _RESULT).unlink(missing_ok=True)
        for name, text in vasp_files(calculation).items():
            (folder / name).write_text(text, "utf-8")
        (folder / "POTCAR").write_text(_potcar(calculation), "utf-8")
        printed = run_program([find_program(_PROGRAM) or _PROGRAM], folder, _OUTPUT)
        try:
            energy_eV, forces, cycles, most = _read(folder / _RESULT)
        except (OSError, SyntaxError, LookupError, ValueError) as error:  # XML's are SyntaxErrors
            raise SimulationError(
                f"vasp gave no energy: {last_words(printed)}.", remedy=CHECK_STRUCTURE
            ) from error
        if cycles >= most:
            raise NotConvergedError(
                f"vasp gave no energy: not converged in {most} cycles.", remedy=TRY_MILDER
            )
        unsorted = np.empty_like(forces)
        unsorted[calculation.order] = forces
        return Evaluation(energy_eV, unsorted)


def _potcar(calculation: Calculation) -> str:
    root = _potentials() or Path()
    texts = []
    for element in calculation.elements:
        path = root / potential_name(element) / "POTCAR"
        try:
            texts.append(path.read_text("utf-8"))
        except OSError as error:
            raise SimulationError(
                f"vasp has no potential of {element}: {path} cannot be read.",
                remedy=f"Put it there, or let {_FOLDER} lead to a complete potpaw_PBE.",
            ) from error
    return "".join(texts)


def _read(path: Path) -> tuple[float, Array, int, int]:
    """Return free energy (eV), forces (eV/Å, by element), cycles made and allowed."""
    last = ase.io.read(path, index=-1, format="vasp-xml")
    text = path.read_text("utf-8")
    cycles = text.rpartition("<calculation>")[2].count("<scstep>")
    allowed = _CYCLES.search(text)
    most = int(allowed.group(1)) if allowed else cycles + 1
    return last.get_potential_energy(force_consistent=True), last.get_forces(), cycles, most
