"""The kinds of failure that the policy tells apart."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["CONTINUING", "FailureKind"]


class FailureKind(StrEnum):
    """How a job came to an end without an answer."""

    SCF = "scf"
    """The electrons found no self-consistent state."""
    FORCES = "forces"
    """Energy or forces are not numbers."""
    EXPLODED = "exploded"
    """An atom left its place, or the cluster fell apart."""
    MEMORY = "memory"
    """It was killed for, or refused, memory."""
    WALLTIME = "walltime"
    """Its time was up; a checkpoint may be there."""
    INTERRUPTED = "interrupted"
    """Its launcher was told to stop, or its node was taken away: nothing is wrong with the job."""
    VANISHED = "vanished"
    """Its launcher fell silent."""
    CRASHED = "crashed"
    """The engine died by a signal or with an exit code."""
    HUNG = "hung"
    """The engine neither moved on nor used the processor."""
    MALFORMED = "malformed"
    """The engine's answer cannot be read, or does not belong to the job."""
    DISK = "disk"
    """There was no room for its files."""
    UNAVAILABLE = "unavailable"
    """The host, or this version, cannot run what was asked for."""
    INPUT = "input"
    """What was asked for makes no sense as it is."""
    REFUSED = "refused"
    """The firework is not what the dispatcher signed."""
    OTHER = "other"
    """Anything else that the engine gave a reason for."""


CONTINUING: Final = frozenset({FailureKind.WALLTIME, FailureKind.INTERRUPTED})
"""Kinds that are no failure of the job: it goes on where it was, and keeps its attempt number."""
