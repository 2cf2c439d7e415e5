"""GFN-FF, GFN1-xTB and GFN2-xTB by the `xtb` wheel (libxtb 6.5.1).

Methods: GFN-FF doi:10.1002/anie.202004239; GFN1-xTB doi:10.1021/acs.jctc.7b00118; GFN2-xTB
doi:10.1021/acs.jctc.8b01176. Molecules only: periodic cells go to tblite.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Final

import numpy as np

from shared.errors import NotConvergedError, SimulationError
from sim_dispatcher.levels.level import LevelName
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
from sim_dispatcher.levels.scratch import private_folder

__all__ = ["XtbLevel", "xtb_levels"]

_METHODS: Final[dict[LevelName, str]] = {"gfnff": "GFNFF", "gfn1": "GFN1xTB", "gfn2": "GFN2xTB"}


SETTINGS: Final[dict[LevelName, str]] = {
    "gfnff": "GFN-FF, bonds fixed at set-up",
    "gfn1": "GFN1-xTB, own minimal basis, electrons at 300 K, accuracy 1",
    "gfn2": "GFN2-xTB, own minimal basis, electrons at 300 K, accuracy 1",
}
"""What is used where nothing else is asked for; the same in every implementation."""


@cache
def _interface() -> Any:
    """Import the wheel once, its Fortran output unbuffered so that silencing it holds."""
    os.environ.setdefault("GFORTRAN_UNBUFFERED_PRECONNECTED", "y")
    return import_module("xtb.interface")


@dataclass(frozen=True)
class XtbLevel:
    """One method of libxtb.

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
    implementation: str = "xtb 22.1 (libxtb 6.5.1)"

    def unavailable(self) -> str | None:
        """Say why this host cannot run it, or None where it can."""
        if importlib.util.find_spec("xtb") is None:
            return "the `xtb` wheel (Python 3.11, x86-64) is not installed"
        return None

    @property
    def settings(self) -> str:
        """Method and accuracy as really used."""
        return SETTINGS[self.name]

    def potential(self, system: System, numerics: Numerics = ENGINE_DEFAULTS) -> XtbPotential:
        """Prepare the energy surface of a molecule.

        Raises:
            SimulationError: The cell is periodic.
        """
        refuse_cell(self.name, system)
        return XtbPotential(_METHODS[self.name], system, numerics)


class XtbPotential:
    """Energy surface of one molecule; the last wave function starts the next point.

    The library has no setting for the mixing of charges; that of `numerics` is left out.
    """

    def __init__(self, method: str, system: System, numerics: Numerics = ENGINE_DEFAULTS) -> None:
        self._xtb = _interface()
        self._method = method
        self._system = system
        self._numerics = numerics
        self._engine: Any = None
        self._result: Any = None

    def evaluate(self, positions_A: Array) -> Evaluation:
        """Compute one point; see `Potential.evaluate`."""
        xtb = self._xtb
        try:
            self._place(np.ascontiguousarray(positions_A) / BOHR_A)
            self._result = self._engine.singlepoint(self._result)
        except xtb.XTBException as error:
            self._engine = self._result = None
            raise _failure(self._method, error) from error
        return Evaluation(
            energy_eV=float(self._result.get_energy()) * HARTREE_EV,
            forces_eV_A=-np.asarray(self._result.get_gradient()) * (HARTREE_EV / BOHR_A),
        )

    def _place(self, positions_bohr: Array) -> None:
        if self._engine is not None:
            self._engine.update(positions_bohr)
            return
        xtb = self._xtb
        system = self._system
        with private_folder():
            self._engine = xtb.Calculator(
                xtb.Param[self._method],
                system.numbers,
                positions_bohr,
                float(system.charge),
                system.unpaired,
            )
        self._engine.set_verbosity("muted")
        self._tune(self._numerics)

    def _tune(self, numerics: Numerics) -> None:
        if numerics.electronic_temperature_K is not None:
            self._engine.set_electronic_temperature(numerics.electronic_temperature_K)
        if numerics.max_iterations is not None:
            self._engine.set_max_iterations(numerics.max_iterations)
        if numerics.accuracy is not None:
            self._engine.set_accuracy(numerics.accuracy)


def _failure(method: str, error: Exception) -> SimulationError:
    """Return what the library's refusal means."""
    message = f"libxtb gave no {method} energy: {_first_line(error)}."
    if "did not converge" in str(error):
        return NotConvergedError(message, remedy=TRY_MILDER)
    return SimulationError(message, remedy=CHECK_STRUCTURE)


def _first_line(error: Exception) -> str:
    """Return the telling line of libxtb's stacked message."""
    lines = [line.strip(" -0123456789") for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def xtb_levels() -> tuple[XtbLevel, ...]:
    """Return the levels this library implements, cheapest first."""
    return (
        XtbLevel("gfnff", max_atoms=2500, can_react=False),
        XtbLevel("gfn1", max_atoms=400, can_react=True),
        XtbLevel("gfn2", max_atoms=400, can_react=True),
    )
