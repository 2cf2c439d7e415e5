"""GFN-FF, GFN1-xTB and GFN2-xTB by the `xtb` program, once per point.

Where the wheel of the same library does not exist (64-bit ARM, Python 3.12) Debian's package
does. Methods: see `sim_dispatcher.levels.libxtb`. Molecules only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from ase.data import chemical_symbols

from shared.errors import NotConvergedError, SimulationError
from sim_dispatcher.levels.level import LevelName
from sim_dispatcher.levels.libxtb import SETTINGS
from sim_dispatcher.levels.numerics import (
    CHECK_STRUCTURE,
    ENGINE_DEFAULTS,
    TRY_MILDER,
    Numerics,
)
from sim_dispatcher.levels.potential import (
    BOHR_A,
    HARTREE_EV,
    Array,
    Evaluation,
    System,
    refuse_cell,
)
from sim_dispatcher.levels.programs.process import find_program, last_words, run_program
from sim_dispatcher.levels.scratch import WorkingFolder

__all__ = ["XtbProgramLevel", "xtb_program_levels"]

_METHODS: Final[dict[LevelName, tuple[str, ...]]] = {
    "gfnff": ("--gfnff",),
    "gfn1": ("--gfn", "1"),
    "gfn2": ("--gfn", "2"),
}
_GEOMETRY: Final = "molecule.xyz"
_OUTPUT: Final = "xtb.out"
_GRADIENT: Final = "molecule.engrad"
_COMPLAINT: Final = re.compile(r"^-\d+- (.+)$", re.MULTILINE)
_VERSION: Final = re.compile(r"xtb version (\S+)")


@cache
def _version(program: str) -> str:
    folder = WorkingFolder()
    found = _VERSION.search(run_program([program, "--version"], folder.path, _OUTPUT))
    return found.group(1) if found else "of unknown version"


@dataclass(frozen=True)
class XtbProgramLevel:
    """One method of the program.

    Attributes:
        name: `gfnff`, `gfn1` or `gfn2`.
        max_atoms: Largest system that answers in a live session.
        can_react: False for the force field, whose bonds are fixed at set-up.
        periodic: Always false.
    """

    name: LevelName
    max_atoms: int
    can_react: bool
    periodic: bool = False

    @property
    def implementation(self) -> str:
        """Program and version, for the provenance of an answer."""
        program = find_program("xtb")
        return f"xtb program {_version(program)}" if program else "xtb program"

    @property
    def settings(self) -> str:
        """Method and accuracy as really used."""
        return SETTINGS[self.name]

    def unavailable(self) -> str | None:
        """Say why this host cannot run it, or None where it can."""
        if find_program("xtb") is None:
            return "program not found on PATH: xtb (Debian: apt install xtb)"
        return None

    def potential(
        self, system: System, numerics: Numerics = ENGINE_DEFAULTS
    ) -> XtbProgramPotential:
        """Prepare the energy surface of a molecule.

        Raises:
            SimulationError: The cell is periodic.
        """
        refuse_cell(self.name, system)
        return XtbProgramPotential(self.name, system, numerics)


class XtbProgramPotential:
    """Energy surface of one molecule; the program's restart files start the next point.

    The program has no option for the mixing of charges; that of `numerics` is left out.
    """

    def __init__(self, name: LevelName, system: System, numerics: Numerics) -> None:
        self._name = name
        self._system = system
        self._options = (*_METHODS[name], *_options(system, numerics))
        self._folder = WorkingFolder()

    def evaluate(self, positions_A: Array) -> Evaluation:
        """Compute one point; see `Potential.evaluate`."""
        folder = self._folder.path
        gradient = folder / _GRADIENT
        gradient.unlink(missing_ok=True)
        (folder / _GEOMETRY).write_text(_xyz(self._system, positions_A), "utf-8")
        program = find_program("xtb") or "xtb"
        printed = run_program([program, _GEOMETRY, "--grad", *self._options], folder, _OUTPUT)
        if not gradient.exists():
            (folder / "xtbrestart").unlink(missing_ok=True)
            raise _failure(self._name, printed)
        return _read(gradient.read_text("utf-8"), len(self._system))


def _failure(name: LevelName, printed: str) -> SimulationError:
    """Return what the program's refusal means."""
    reasons = _COMPLAINT.findall(printed)
    message = f"xtb gave no {name} energy: {reasons[-1] if reasons else last_words(printed)}."
    if "did not converge" in message:
        return NotConvergedError(message, remedy=TRY_MILDER)
    return SimulationError(message, remedy=CHECK_STRUCTURE)


def _options(system: System, numerics: Numerics) -> tuple[str, ...]:
    asked = {
        "--chrg": system.charge,
        "--uhf": system.unpaired,
        "--etemp": numerics.electronic_temperature_K,
        "--iterations": numerics.max_iterations,
        "--acc": numerics.accuracy,
    }
    return tuple(
        word for name, value in asked.items() if value is not None for word in (name, f"{value:g}")
    )


def _xyz(system: System, positions_A: Array) -> str:
    rows = [
        f"{chemical_symbols[number]} {x:.10f} {y:.10f} {z:.10f}"
        for number, (x, y, z) in zip(system.numbers, positions_A, strict=True)
    ]
    return "\n".join((str(len(rows)), "", *rows)) + "\n"


def _read(text: str, n_atoms: int) -> Evaluation:
    """Read ORCA's `engrad` format: atoms, energy (Hartree), gradient (Hartree/Bohr)."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    slope = np.array(lines[2 : 2 + 3 * n_atoms], dtype=float).reshape(-1, 3)
    return Evaluation(float(lines[1]) * HARTREE_EV, -slope * (HARTREE_EV / BOHR_A))


def xtb_program_levels() -> tuple[XtbProgramLevel, ...]:
    """Return the levels the program implements, cheapest first."""
    return (
        XtbProgramLevel("gfnff", max_atoms=2500, can_react=False),
        XtbProgramLevel("gfn1", max_atoms=400, can_react=True),
        XtbProgramLevel("gfn2", max_atoms=400, can_react=True),
    )
