"""What a level of theory must say about itself."""

from __future__ import annotations

from typing import Protocol

from shared.messages.simulation import Level as LevelName
from sim_dispatcher.levels.numerics import ENGINE_DEFAULTS, Numerics
from sim_dispatcher.levels.potential import Potential, System

__all__ = ["Level", "LevelName"]


class Level(Protocol):
    """A level of theory in one implementation."""

    @property
    def name(self) -> LevelName:
        """The rung of the ladder."""
        ...

    @property
    def implementation(self) -> str:
        """Library and version, for the provenance of an answer."""
        ...

    @property
    def settings(self) -> str:
        """Method, basis, cutoff, smearing and accuracy as really used, in one line.

        It goes into the provenance of an answer, after `Numerics.applied`.
        """
        ...

    @property
    def max_atoms(self) -> int:
        """Largest system, H included, that answers in a live session."""
        ...

    @property
    def can_react(self) -> bool:
        """Whether bonds may form and break; a force field with fixed bonds cannot."""
        ...

    @property
    def periodic(self) -> bool:
        """Whether it computes crystals' cells beside molecules."""
        ...

    def unavailable(self) -> str | None:
        """Say why this host cannot run it, or None where it can."""
        ...

    def potential(self, system: System, numerics: Numerics = ENGINE_DEFAULTS) -> Potential:
        """Prepare the energy surface of a system.

        Args:
            system: What is to be computed.
            numerics: Settings other than the engine's own.

        Raises:
            SimulationError: The engine refuses the system.
        """
        ...
