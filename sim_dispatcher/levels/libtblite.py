"""GFN1-xTB and GFN2-xTB by `tblite`: an independent second implementation.

The fallback where the `xtb` wheel does not exist, the cross-check where it does, and the one
that knows periodic cells (Gamma point). Methods: see `sim_dispatcher.levels.libxtb`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Final

import numpy as np

from shared.errors import NotConvergedError, SimulationError
from sim_dispatcher.levels.installed import absent, package
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
    KELVIN_EV,
    Array,
    Evaluation,
    System,
)

__all__ = ["TbliteLevel", "tblite_levels"]

_METHODS: Final[dict[LevelName, str]] = {"gfn1": "GFN1-xTB", "gfn2": "GFN2-xTB"}


@cache
def _interface() -> Any:
    """Import the library once; half a second that only a calculation pays."""
    return import_module("tblite.interface")


@dataclass(frozen=True)
class TbliteLevel:
    """One method of tblite.

    Attributes:
        name: `gfn1` or `gfn2`.
        max_atoms: Largest system that answers in a live session.
        can_react: Always true: tight binding lets bonds form and break.
        periodic: Always true, at the Gamma point.
    """

    name: LevelName
    max_atoms: int = 300
    can_react: bool = True
    periodic: bool = True

    @property
    def implementation(self) -> str:
        """Library and version, for the provenance of an answer."""
        return package("tblite")

    def unavailable(self) -> str | None:
        """Say why this host cannot run it, or None where it can."""
        return absent("tblite", "dispatch")

    @property
    def settings(self) -> str:
        """Method and accuracy as really used."""
        return SETTINGS[self.name]

    def potential(self, system: System, numerics: Numerics = ENGINE_DEFAULTS) -> TblitePotential:
        """Prepare the energy surface of a molecule or a periodic cell."""
        return TblitePotential(_METHODS[self.name], system, numerics)


class TblitePotential:
    """Energy surface of one system; the last wave function starts the next point."""

    def __init__(self, method: str, system: System, numerics: Numerics = ENGINE_DEFAULTS) -> None:
        self._tblite = _interface()
        self._method = method
        self._system = system
        self._numerics = numerics
        self._engine: Any = None
        self._result: Any = None

    def evaluate(self, positions_A: Array) -> Evaluation:
        """Compute one point; see `Potential.evaluate`."""
        try:
            self._place(np.ascontiguousarray(positions_A) / BOHR_A)
            self._result = self._engine.singlepoint(self._result)
        except RuntimeError as error:
            self._engine = self._result = None
            raise _failure(self._method, error) from error
        return Evaluation(
            energy_eV=float(self._result.get("energy")) * HARTREE_EV,
            forces_eV_A=-np.asarray(self._result.get("gradient")) * (HARTREE_EV / BOHR_A),
        )

    def _place(self, positions_bohr: Array) -> None:
        if self._engine is not None:
            self._engine.update(positions_bohr)
            return
        system = self._system
        lattice = None if system.lattice_A is None else system.lattice_A / BOHR_A
        self._engine = self._tblite.Calculator(
            self._method,
            system.numbers,
            positions_bohr,
            charge=float(system.charge),
            uhf=system.unpaired,
            lattice=lattice,
            periodic=None if lattice is None else np.ones(3, dtype=bool),
        )
        self._engine.set("verbosity", 0)
        for name, value in _engine_settings(self._numerics).items():
            self._engine.set(name, value)


def _engine_settings(numerics: Numerics) -> dict[str, float | int]:
    """Return what was asked for in the library's words and units."""
    kelvin = numerics.electronic_temperature_K
    asked = {
        "temperature": None if kelvin is None else kelvin * KELVIN_EV / HARTREE_EV,
        "max-iter": numerics.max_iterations,
        "mixer-damping": numerics.mixing,
        "accuracy": numerics.accuracy,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _failure(method: str, error: RuntimeError) -> SimulationError:
    """Return what the library's refusal means."""
    message = f"tblite gave no {method} energy: {error}."
    if "not converged" in str(error):
        return NotConvergedError(message, remedy=TRY_MILDER)
    return SimulationError(message, remedy=CHECK_STRUCTURE)


def tblite_levels() -> tuple[TbliteLevel, ...]:
    """Return the levels this library implements."""
    return (TbliteLevel("gfn1"), TbliteLevel("gfn2"))
