"""A Nosé-Hoover chain that can be put down and taken up again, bit by bit the same.

ASE's integrator does the work (Martyna, Klein and Tuckerman, doi:10.1063/1.463940); here its
state is made explicit. Each block of steps starts from that state alone, with a wave function made
from nothing, so that a trajectory which was stopped between two blocks continues exactly as if it
had not been (on one thread: more of them add numbers up in another order).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import ase
import numpy as np
from ase import units
from ase.md.nose_hoover_chain import NoseHooverChainNVT, NoseHooverChainThermostat
from ase.md.velocitydistribution import Stationary, ZeroRotation, thermalize_momenta

from sim_dispatcher.levels.ase_bridge import PotentialCalculator
from sim_dispatcher.levels.potential import Array, Potential
from sim_dispatcher.recipes.errors import ExplodedGeometryError, ForcesNotFiniteError

__all__ = [
    "CHAIN_LENGTH",
    "DAMPING_FS",
    "START_FACTOR",
    "Bath",
    "Point",
    "State",
    "advanced",
    "thermalised",
]

CHAIN_LENGTH: Final = 3
"""Thermostats in the chain."""

DAMPING_FS: Final = 50.0
"""Characteristic time of the thermostat, fs: some periods of the C-C stretch (21 fs), so that it
exchanges heat within a 2 ps trajectory without driving that vibration."""

START_FACTOR: Final = 2.0
"""Velocities are drawn at this many times the temperature: the start is a minimum, and vibrations
take up half of the kinetic energy within some 20 fs."""

HOT: Final = 10.0
"""A kinetic temperature this many times the target, and `HOT_K` above it, is an explosion."""

HOT_K: Final = 2000.0


@dataclass(frozen=True)
class Bath:
    """Temperature and pace.

    Attributes:
        temperature_K: Target, K.
        timestep_fs: Step of the integrator, fs.
    """

    temperature_K: float
    timestep_fs: float


@dataclass(frozen=True, eq=False)
class State:
    """All there is to know of a trajectory at one step.

    Attributes:
        step: Steps done.
        positions_A: (n, 3) positions, Å.
        momenta: (n, 3) momenta in ASE's units.
        eta: (chain,) positions of the thermostats.
        p_eta: (chain,) their momenta.
    """

    step: int
    positions_A: Array
    momenta: Array
    eta: Array
    p_eta: Array


@dataclass(frozen=True, eq=False)
class Point:
    """What is observed at one step.

    Attributes:
        step: Its number.
        positions_A: (n, 3) positions, Å.
        potential_eV: Potential energy, eV.
        conserved_eV: Potential, kinetic and thermostat energy, eV.
        temperature_K: Kinetic temperature over all 3n degrees of freedom, K.
        fmax_eV_A: Largest force on an atom, eV/Å.
    """

    step: int
    positions_A: Array
    potential_eV: float
    conserved_eV: float
    temperature_K: float
    fmax_eV_A: float


Observer: TypeAlias = Callable[[Point], None]


def thermalised(symbols: tuple[str, ...], positions_A: Array, bath: Bath, seed: int) -> State:
    """Return a start from a minimum: Maxwell-Boltzmann momenta without drift or rotation.

    Args:
        symbols: Element of each atom.
        positions_A: (n, 3) positions at rest, Å.
        bath: Temperature and pace.
        seed: Draws the momenta.
    """
    atoms: Any = ase.Atoms(symbols, positions_A)
    generator = np.random.default_rng(seed)
    thermalize_momenta(atoms, temperature_K=START_FACTOR * bath.temperature_K, rng=generator)
    Stationary(atoms)
    ZeroRotation(atoms)
    rest = np.zeros(CHAIN_LENGTH)
    return State(0, np.array(positions_A), np.array(atoms.get_momenta()), rest, rest.copy())


def advanced(
    state: State,
    steps: int,
    surface: tuple[tuple[str, ...], Potential],
    bath: Bath,
    observe: Observer,
) -> State:
    """Integrate the equations of motion.

    Args:
        state: Where the trajectory stands.
        steps: How many steps to go.
        surface: Elements, and a fresh energy surface of those atoms.
        bath: Temperature and pace.
        observe: Called before the first and after every step; what it raises ends the block.

    Raises:
        SimulationError: The engine gave no answer.
        ForcesNotFiniteError: Energy or forces are not numbers.
        ExplodedGeometryError: It is far too hot: the step is too long, or the start too strained.
    """
    motion = _Motion(state, surface, bath)
    observe(_point(motion, state.step, bath))
    for done in range(1, steps + 1):
        motion.step()
        observe(_point(motion, state.step + done, bath))
    return motion.state(state.step + steps)


class _Chain(NoseHooverChainThermostat):  # type: ignore[misc]  # ASE is untyped
    """ASE's chain with its two vectors in the open."""

    def restore(self, state: State) -> None:
        self._eta = np.array(state.eta)
        self._p_eta = np.array(state.p_eta)

    def vectors(self) -> tuple[Array, Array]:
        return np.array(self._eta), np.array(self._p_eta)


class _Motion(NoseHooverChainNVT):  # type: ignore[misc]  # ASE is untyped
    """ASE's integrator, started from a state and read back into one."""

    def __init__(
        self, state: State, surface: tuple[tuple[str, ...], Potential], bath: Bath
    ) -> None:
        symbols, potential = surface
        atoms: Any = ase.Atoms(symbols, state.positions_A, momenta=state.momenta)
        atoms.calc = PotentialCalculator(potential, np.ones((len(atoms), 3), dtype=bool))
        damping = DAMPING_FS * units.fs
        super().__init__(atoms, bath.timestep_fs * units.fs, bath.temperature_K, damping)
        self._thermostat: _Chain = _Chain(
            len(atoms), self.masses, bath.temperature_K, damping, CHAIN_LENGTH
        )
        self._thermostat.restore(state)

    def state(self, step: int) -> State:
        eta, p_eta = self._thermostat.vectors()
        return State(step, np.array(self._q), np.array(self._p), eta, p_eta)


def _point(motion: Any, step: int, bath: Bath) -> Point:
    """Return what is observed, once it is sure to make sense."""
    atoms = motion.atoms
    forces = atoms.get_forces()
    conserved = motion.get_conserved_energy()
    if not (np.isfinite(forces).all() and np.isfinite(conserved)):
        raise ForcesNotFiniteError(
            f"Energy or forces are not numbers at step {step}.",
            remedy="Use a shorter time step, or relax the structure first.",
        )
    kelvin = float(atoms.get_temperature())
    if kelvin > HOT * bath.temperature_K + HOT_K:
        raise ExplodedGeometryError(
            f"The trajectory exploded: {kelvin:.0f} K at step {step}.",
            remedy="Use a shorter time step, or relax the structure first.",
        )
    return Point(
        step=step,
        positions_A=np.array(atoms.positions),
        potential_eV=float(atoms.get_potential_energy()),
        conserved_eV=float(conserved),
        temperature_K=kelvin,
        fmax_eV_A=float(np.linalg.norm(forces, axis=1).max()),
    )
