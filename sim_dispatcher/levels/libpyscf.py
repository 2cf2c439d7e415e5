"""PBE by PySCF: density functional theory by pip alone, for small molecules.

Functional: PBE, doi:10.1103/PhysRevLett.77.3865. Basis: def2-SVP, doi:10.1039/b508541a, with
density fitting. Code: doi:10.1063/5.0006074. On a host with a CUDA device and gpu4pyscf
(doi:10.1021/acs.jpca.4c05876) the same calculation runs there.
"""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Final

import numpy as np
from ase.data import chemical_symbols

from shared.errors import NotConvergedError, SimulationError
from sim_dispatcher.levels.installed import absent, package
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
    KELVIN_EV,
    Array,
    Evaluation,
    System,
    refuse_cell,
)

__all__ = ["PyscfLevel", "on_host"]

BASIS: Final = "def2-svp"

GRID_LEVEL: Final = 1
"""PySCF's integration grid: 0.006 eV/Å and 0.2 meV per atom off level 3 in benzene, at half the
time."""

ENERGY_HARTREE: Final = 1e-7
"""Change of energy between two cycles at which the field counts as self-consistent."""

DEVICES: Final = ("gpu4pyscf", "cupy")
"""What a calculation on a graphics card needs."""


def on_host(values: Any) -> Array:
    """Return an array that may lie on a graphics card (CuPy's) as NumPy's."""
    return np.asarray(values.get() if hasattr(values, "get") else values, dtype=float)


@cache
def _on_device() -> bool:
    """Say whether gpu4pyscf and a CUDA device are here."""
    if any(importlib.util.find_spec(name) is None for name in DEVICES):
        return False
    cupy = import_module("cupy")
    try:
        return int(cupy.cuda.runtime.getDeviceCount()) > 0
    except cupy.cuda.runtime.CUDARuntimeError:
        return False


@dataclass(frozen=True)
class PyscfLevel:
    """PBE/def2-SVP.

    Attributes:
        name: `pyscf`.
        max_atoms: Largest system that answers in a live session; coronene (36 atoms) takes three
            minutes a point on one core, benzene (12) six seconds.
        can_react: Always true.
        periodic: Always false.
    """

    name: LevelName = "pyscf"
    max_atoms: int = 30
    can_react: bool = True
    periodic: bool = False

    @property
    def implementation(self) -> str:
        """Library and version, for the provenance of an answer."""
        return package("gpu4pyscf" if _on_device() else "pyscf")

    @property
    def settings(self) -> str:
        """Functional, basis, grid and accuracy as really used."""
        return (
            f"PBE, {BASIS}, density fitting, grid level {GRID_LEVEL}, unrestricted where electrons"
            f" are unpaired, no smearing, energy to {ENERGY_HARTREE:g} Hartree"
        )

    def unavailable(self) -> str | None:
        """Say why this host cannot run it, or None where it can."""
        return absent("pyscf", "dft")

    def potential(self, system: System, numerics: Numerics = ENGINE_DEFAULTS) -> PyscfPotential:
        """Prepare the energy surface of a molecule.

        Raises:
            SimulationError: The cell is periodic.
        """
        refuse_cell(self.name, system)
        return PyscfPotential(system, numerics)


class PyscfPotential:
    """Energy surface of one molecule; the last density starts the next point.

    With smeared electrons the energy is the free energy, whose slope the forces are.
    """

    def __init__(self, system: System, numerics: Numerics = ENGINE_DEFAULTS) -> None:
        self._gto, self._dft = import_module("pyscf.gto"), import_module("pyscf.dft")
        self._system = system
        self._numerics = numerics
        self._density: Any = None

    def evaluate(self, positions_A: Array) -> Evaluation:
        """Compute one point; see `Potential.evaluate`."""
        try:
            with warnings.catch_warnings(action="ignore"):  # what they announce, raises
                return self._solved(self._field(positions_A))
        except (RuntimeError, ArithmeticError, np.linalg.LinAlgError) as error:
            self._density = None
            raise SimulationError(
                f"pyscf gave no energy: {error}.", remedy=CHECK_STRUCTURE
            ) from error

    def _solved(self, field: Any) -> Evaluation:
        field.kernel(dm0=self._density)
        if not field.converged:
            self._density = None
            raise NotConvergedError(
                f"pyscf gave no energy: not converged in {field.max_cycle} cycles.",
                remedy=TRY_MILDER,
            )
        self._density = field.make_rdm1()
        slope = field.nuc_grad_method()
        slope.verbose = 0
        smeared = self._numerics.electronic_temperature_K is not None
        return Evaluation(
            energy_eV=float(field.e_free if smeared else field.e_tot) * HARTREE_EV,
            forces_eV_A=-on_host(slope.kernel()) * (HARTREE_EV / BOHR_A),
        )

    def _field(self, positions_A: Array) -> Any:
        """Return the self-consistent field of one geometry, not yet solved."""
        system, numerics = self._system, self._numerics
        molecule = self._gto.M(
            atom=[
                (chemical_symbols[number], tuple(place))
                for number, place in zip(system.numbers, positions_A.tolist(), strict=True)
            ],
            basis=BASIS,
            charge=system.charge,
            spin=system.unpaired,
            verbose=0,
        )
        scheme = self._dft.UKS if system.unpaired else self._dft.RKS
        field = scheme(molecule, xc="pbe").density_fit()
        if numerics.electronic_temperature_K is not None:
            sigma = numerics.electronic_temperature_K * KELVIN_EV / HARTREE_EV
            field = import_module("pyscf.scf.addons").smearing(field, sigma, method="fermi")
        field.grids.level = GRID_LEVEL
        field.conv_tol = ENERGY_HARTREE * (numerics.accuracy or 1.0)
        if numerics.max_iterations is not None:
            field.max_cycle = numerics.max_iterations
        if numerics.mixing is not None:
            field.damp = 1.0 - numerics.mixing
        return field.to_gpu() if _on_device() else field
