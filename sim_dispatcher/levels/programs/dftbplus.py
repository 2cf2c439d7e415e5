"""DFTB by DFTB+ where a site has it: once per point, with the site's Slater-Koster files.

Code: doi:10.1063/1.5143190; neither pip nor Debian has it, so the reading of its output is
tested on files in its documented format, not on the program itself.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import product
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
from sim_dispatcher.levels.programs.dftbplus_input import SLATER_KOSTER, dftb_files
from sim_dispatcher.levels.programs.points import PointPotential
from sim_dispatcher.levels.programs.process import find_program, last_words, run_program

__all__ = ["DftbLevel"]

_PROGRAM: Final = "dftb+"
_FOLDER: Final = "DFTB_PREFIX"
_OUTPUT: Final = "dftb.out"
_RESULT: Final = "results.tag"
_BLOCK: Final = re.compile(r"^(\w+)\s*:real:\d+:[\d,]*\n((?:\s+[-+.\dE]+)+)", re.MULTILINE)


def _slater_koster() -> Path | None:
    """Return the folder of Slater-Koster files that DFTB_PREFIX names, or None."""
    named = os.environ.get(_FOLDER)
    folder = None if named is None else Path(named)
    return folder if folder is not None and (folder / "C-C.skf").exists() else None


@dataclass(frozen=True)
class DftbLevel:
    """Self-consistent-charge density-functional tight binding.

    Attributes:
        name: `dftb`.
        max_atoms: Largest system accepted; the paper computed 2043 atoms in a few hours.
        can_react: Always true.
        periodic: Always true.
        vacuum_A: Around a molecule, Å; it stands in no box, so this only fixes its origin.
        implementation: Program, for the provenance of an answer.
    """

    name: LevelName = "dftb"
    max_atoms: int = 2500
    can_react: bool = True
    periodic: bool = True
    vacuum_A: float = 4.0
    implementation: str = "DFTB+"

    @property
    def settings(self) -> str:
        """Method, parameters and accuracy as really used."""
        return f"SCC-DFTB, {SLATER_KOSTER}, closed shell, electrons at 300 K, charges to 1e-6 e"

    def unavailable(self) -> str | None:
        """Say why this host cannot run it, or None where it can."""
        written = "input sets are written (sim-dispatcher inputs); "
        if find_program(_PROGRAM) is None:
            return f"{written}program not found on PATH: {_PROGRAM}"
        if _slater_koster() is None:
            return f"{written}{_FOLDER} names no folder of Slater-Koster files {SLATER_KOSTER}"
        return None

    def potential(self, system: System, numerics: Numerics = ENGINE_DEFAULTS) -> PointPotential:
        """Prepare the energy surface of a molecule or a periodic cell."""
        return PointPotential(self, system, numerics)

    def compute(self, calculation: Calculation, folder: Path, *, warm: bool) -> Evaluation:
        """Compute one point; see `Program.compute`."""
        del warm  # DFTB+ starts from neutral atoms; its charges cost little
        (folder / _RESULT).unlink(missing_ok=True)
        where = _slater_koster() or Path()
        for one, other in product(calculation.elements, repeat=2):
            if not (where / f"{one}-{other}.skf").exists():
                raise SimulationError(
                    f"dftb has no {one}-{other}.skf in {where}.",
                    remedy=f"Let {_FOLDER} name the complete set {SLATER_KOSTER}.",
                )
        for name, text in dftb_files(calculation, f"{where}/").items():
            (folder / name).write_text(text, "utf-8")
        printed = run_program([find_program(_PROGRAM) or _PROGRAM], folder, _OUTPUT)
        if "SCC is NOT converged" in printed:
            raise NotConvergedError("dftb gave no energy: not converged.", remedy=TRY_MILDER)
        return _read(folder / _RESULT, printed)


def _read(path: Path, printed: str) -> Evaluation:
    """Read `results.tag`: Hartree and Hartree/Bohr; the free energy where it is given."""
    text = path.read_text("utf-8") if path.exists() else ""
    blocks = {name: np.array(words.split(), dtype=float) for name, words in _BLOCK.findall(text)}
    energy = blocks.get("mermin_energy", blocks.get("total_energy"))
    if energy is None or "forces" not in blocks:
        raise SimulationError(
            f"dftb gave no energy: {last_words(printed)}.", remedy=CHECK_STRUCTURE
        )
    forces = blocks["forces"].reshape(-1, 3) * (HARTREE_EV / BOHR_A)
    return Evaluation(float(energy[0]) * HARTREE_EV, forces)
