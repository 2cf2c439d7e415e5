"""A potential that runs a program once per point and hands its wave function on."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from shared.errors import SimulationError
from sim_dispatcher.levels.numerics import Numerics
from sim_dispatcher.levels.potential import Array, Evaluation, System
from sim_dispatcher.levels.programs.calculation import Box, Calculation, box_around, point
from sim_dispatcher.levels.scratch import WorkingFolder

__all__ = ["PointPotential", "Program"]


class Program(Protocol):
    """Computes one point in a folder."""

    @property
    def vacuum_A(self) -> float:
        """Vacuum on each side of a molecule, Å."""
        ...

    def compute(self, calculation: Calculation, folder: Path, *, warm: bool) -> Evaluation:
        """Compute one point.

        Args:
            calculation: The point.
            folder: The program's own, with what the last point left there.
            warm: Whether the last point's wave function is there, of the same box.

        Raises:
            SimulationError: No answer.
        """
        ...


class PointPotential:
    """Energy surface of one system by one program."""

    def __init__(self, program: Program, system: System, numerics: Numerics) -> None:
        self._program = program
        self._system = system
        self._numerics = numerics
        self._folder = WorkingFolder()
        self._box: Box | None = None

    def evaluate(self, positions_A: Array) -> Evaluation:
        """Compute one point; see `Potential.evaluate`."""
        box, warm = self._box, True
        if box is None or not box.holds(positions_A):
            box, warm = box_around(self._system, positions_A, self._program.vacuum_A), False
        calculation = point(self._system, positions_A, box, self._numerics)
        try:
            found = self._program.compute(calculation, self._folder.path, warm=warm)
        except SimulationError:
            self._box = None
            raise
        self._box = box
        return found
