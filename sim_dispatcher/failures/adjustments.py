"""What a further attempt does differently."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.messages.base import Part

__all__ = ["Adjustments"]


class Adjustments(Part):
    """Settings of an attempt that differ from the first one's; None = as in the first.

    They follow from the kinds of failure before it alone (`adjustments_after`), so a launcher can
    tell settings that the policy chose from settings that somebody wrote into the database.
    """

    attempt: Annotated[int, Field(ge=1)] = 1
    electronic_temperature_K: Annotated[float, Field(gt=0, le=10_000)] | None = None
    """Of the electrons' Fermi distribution; for a plane-wave code, its smearing."""
    mixing: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of the new density taken over from one iteration to the next; smaller is calmer."""
    max_iterations: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Of one self-consistent calculation."""
    k_points_factor: Annotated[int, Field(ge=1, le=4)] = 1
    """Times as many k-points along each periodic direction."""
    max_step_A: Annotated[float, Field(gt=0)] | None = None
    """Furthest that an optimiser's step takes any atom, Å."""
    timestep_factor: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The integrator's step, as a share of what was asked for."""
    implementation: Annotated[int, Field(ge=0, le=3)] = 0
    """Which of a level's implementations on the host: 0 = the preferred one, 1 = the next."""
    resume: bool = False
    """Go on from the checkpoint that the attempt before left, where there is one."""

    def in_words(self) -> str:
        """Return what is different, in one line; empty where nothing is."""
        words = [
            _said("electrons at {:g} K", self.electronic_temperature_K),
            _said("mixing {:g}", self.mixing),
            _said("up to {} iterations", self.max_iterations),
            _said("{} times the k-points", self.k_points_factor, 1),
            _said("steps of at most {:g} Å", self.max_step_A),
            _said("{:g} of the time step", self.timestep_factor, 1.0),
            _said("another implementation", self.implementation, 0),
        ]
        return ", ".join(word for word in words if word)


def _said(words: str, value: float | None, usual: float | None = None) -> str:
    return "" if value is None or value == usual else words.format(value)
