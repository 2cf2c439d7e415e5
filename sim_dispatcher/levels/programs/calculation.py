"""One calculation as the programs' input writers see it, and the box around a molecule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from sim_dispatcher.levels.numerics import ENGINE_DEFAULTS, Numerics
from sim_dispatcher.levels.potential import Array, System

__all__ = ["GAMMA", "Box", "Calculation", "Kind", "Mesh", "box_around", "point"]

Kind = Literal["point", "relax", "md"]

Mesh: TypeAlias = tuple[int, int, int]
"""Monkhorst-Pack grid of k-points, doi:10.1103/PhysRevB.13.5188."""

GAMMA: Mesh = (1, 1, 1)


@dataclass(frozen=True, eq=False)
class Calculation:
    """What a program is to do; pure data that an input writer turns into text.

    Attributes:
        kind: A single point, a relaxation or molecular dynamics at constant temperature.
        symbols: Element of each atom.
        positions_A: (n, 3) x, y, z in Å.
        lattice_A: (3, 3) rows are the vectors of the cell or box, Å.
        free: (n, 3) True where a coordinate may move.
        title: One line for whoever reads the input.
        periodic: Whether the cell is a crystal's rather than a box around a molecule.
        charge: Total charge, e.
        unpaired: Unpaired electrons.
        mesh: k-points.
        numerics: Settings of the self-consistent field.
        fmax_eV_A: Force criterion of a relaxation, eV/Å.
        steps: Most steps of a relaxation, or the steps of a trajectory.
        timestep_fs: Of a trajectory, fs.
        temperature_K: Of a trajectory, K.
        keep: Whether the wave function is written for a next, similar point.
    """

    kind: Kind
    symbols: tuple[str, ...]
    positions_A: Array
    lattice_A: Array
    free: NDArray[np.bool_]
    title: str = "AtomLoop"
    periodic: bool = False
    charge: int = 0
    unpaired: int = 0
    mesh: Mesh = GAMMA
    numerics: Numerics = ENGINE_DEFAULTS
    fmax_eV_A: float = 0.05
    steps: int = 0
    timestep_fs: float = 1.0
    temperature_K: float = 300.0
    keep: bool = False

    @property
    def elements(self) -> tuple[str, ...]:
        """Each element once, alphabetically: the order of potentials and of POSCAR's blocks."""
        return tuple(sorted(set(self.symbols)))

    @property
    def order(self) -> NDArray[np.intp]:
        """(n,) the atoms by element, otherwise in their own order."""
        return np.argsort(np.array(self.symbols), kind="stable")


@dataclass(frozen=True, eq=False)
class Box:
    """Where a system stands in its cell.

    Attributes:
        lattice_A: (3, 3) rows are the vectors, Å.
        shift_A: (3,) what is added to a position to put it into the box, Å.
        margin_A: Least distance to a wall; a crystal has none.
    """

    lattice_A: Array
    shift_A: Array
    margin_A: float | None

    def holds(self, positions_A: Array) -> bool:
        """Say whether a molecule still stands clear of the walls."""
        if self.margin_A is None:
            return True
        inside = positions_A + self.shift_A
        edges = np.diag(self.lattice_A)
        return bool((inside >= self.margin_A).all() and (inside <= edges - self.margin_A).all())


def box_around(system: System, positions_A: Array, vacuum_A: float) -> Box:
    """Return a crystal's cell, or a box that leaves vacuum on all sides of a molecule.

    Args:
        system: What stands in it.
        positions_A: (n, 3) where, Å.
        vacuum_A: Between the outermost nuclei and the walls; atoms may use up half of it.
    """
    if system.lattice_A is not None:
        return Box(system.lattice_A, np.zeros(3), None)
    low, high = positions_A.min(axis=0), positions_A.max(axis=0)
    edges = np.round(high - low + 2 * vacuum_A, 3)
    return Box(np.diag(edges), (edges - high - low) / 2, vacuum_A / 2)


def point(system: System, positions_A: Array, box: Box, numerics: Numerics) -> Calculation:
    """Return a single point that keeps its wave function."""
    return Calculation(
        kind="point",
        symbols=tuple(chemical_symbols[number] for number in system.numbers),
        positions_A=positions_A + box.shift_A,
        lattice_A=box.lattice_A,
        free=np.ones((len(system), 3), dtype=bool),
        periodic=system.lattice_A is not None,
        charge=system.charge,
        unpaired=system.unpaired,
        mesh=numerics.mesh(periodic=system.lattice_A is not None),
        numerics=numerics,
        keep=True,
    )
