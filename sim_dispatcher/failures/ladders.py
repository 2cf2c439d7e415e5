"""What is tried after each kind of failure, in order: the table that `policy` reads.

Sources of the steps: more iterations, smaller mixing and a higher electronic temperature are what
the manuals of xtb (`--etemp`), Quantum ESPRESSO (`mixing_beta`, `degauss`) and VASP (`AMIX`,
`SIGMA`, `ALGO`) advise for a self-consistent field that swings; denser k-points mend a small cell
whose levels cross the Fermi energy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from shared.messages.simulation import Level
from sim_dispatcher.failures.kinds import FailureKind

__all__ = ["LADDERS", "MAX_CONTINUATIONS", "MAX_LOSSES", "Ladder", "Rung", "ladder_of"]

MAX_LOSSES: Final = 3
"""A job that lost its launcher so often is not tried again."""

MAX_CONTINUATIONS: Final = 50
"""A job that was interrupted, or ran out of time, so often is not making progress."""

_DENSITY_FUNCTIONAL: Final[frozenset[Level]] = frozenset({"pyscf", "gpaw", "qe", "vasp"})
_FIXED_FIELD: Final[frozenset[Level]] = frozenset({"gfnff"})


@dataclass(frozen=True)
class Rung:
    """One further attempt.

    Attributes:
        what: What it does differently, for the operator.
        changes: Fields of `Adjustments`; what a later rung does not name stays as it was.
    """

    what: str
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ladder:
    """All that is done about one kind of failure.

    Attributes:
        rungs: Further attempts, in order.
        reason: What is said of it at the end; None = the failure's own words.
        remedy: What the operator can do then; None = the failure's own words.
    """

    rungs: tuple[Rung, ...] = ()
    reason: str | None = None
    remedy: str | None = None


_AGAIN: Final = Rung("the same again in a fresh process")
_OTHER_CODE: Final = Rung("another implementation of the level", {"implementation": 1})
_RESUME: Final = Rung("go on from the checkpoint", {"resume": True})

_SCF_REMEDY: Final = (
    "Check the elements, and the count of unpaired electrons; else try another level."
)

_TIGHT_BINDING_SCF: Final = Ladder(
    (
        Rung(
            "warmer electrons, calmer mixing, more iterations",
            {"electronic_temperature_K": 1000.0, "mixing": 0.2, "max_iterations": 500},
        ),
        Rung(
            "still warmer and calmer",
            {"electronic_temperature_K": 2000.0, "mixing": 0.1, "max_iterations": 1000},
        ),
        _OTHER_CODE,
    ),
    "The electrons found no self-consistent state",
    _SCF_REMEDY,
)

_DENSITY_FUNCTIONAL_SCF: Final = Ladder(
    (
        Rung("calmer mixing, more iterations", {"mixing": 0.1, "max_iterations": 300}),
        Rung(
            "wider smearing",
            {"electronic_temperature_K": 1500.0, "mixing": 0.05, "max_iterations": 500},
        ),
        Rung(
            "wider and calmer still; in a cell, denser k-points",
            {"electronic_temperature_K": 3000.0, "mixing": 0.02, "k_points_factor": 2},
        ),
    ),
    "The electrons found no self-consistent state",
    _SCF_REMEDY,
)

LADDERS: Final[Mapping[FailureKind, Ladder]] = MappingProxyType(
    {
        FailureKind.SCF: _TIGHT_BINDING_SCF,
        FailureKind.FORCES: Ladder(
            (
                Rung("smaller steps", {"max_step_A": 0.05, "timestep_factor": 0.5}),
                _OTHER_CODE,
            ),
            "Energy or forces were not numbers",
            "Check the structure for overlapping atoms; else try another level.",
        ),
        FailureKind.EXPLODED: Ladder(
            (
                Rung("smaller steps", {"max_step_A": 0.05, "timestep_factor": 0.5}),
                Rung("tiny steps", {"max_step_A": 0.02, "timestep_factor": 0.25}),
            ),
            "The geometry flew apart",
            "Check elements and scale. Holding the perimeter (relax_perimeter) would stop it, "
            "but answers another question, so that is yours to ask.",
        ),
        FailureKind.MEMORY: Ladder(
            (Rung("once more, on whichever host is free"),),
            "Memory ran out",
            "Use a smaller cluster or a cheaper level, or a host with more memory.",
        ),
        FailureKind.WALLTIME: Ladder(
            (_RESUME,) * MAX_CONTINUATIONS,
            f"Its time was up {MAX_CONTINUATIONS} times",
            "Give it more time at once (max_wall_s, the queue's walltime), or a cheaper level.",
        ),
        FailureKind.INTERRUPTED: Ladder(
            (_RESUME,) * MAX_CONTINUATIONS,
            f"It was interrupted {MAX_CONTINUATIONS} times",
            "Run it where nothing more urgent takes its place, or pick it (operator's wish).",
        ),
        FailureKind.VANISHED: Ladder(
            (Rung("back to the queue", {"resume": True}),) * (MAX_LOSSES - 1),
            "Its launchers vanished",
            "Look for crashes or lack of memory on that host; use a cheaper level.",
        ),
        FailureKind.CRASHED: Ladder(
            (_AGAIN, _OTHER_CODE),
            "The engine died",
            "Read engine.log in the job's folder; report it with the input.",
        ),
        FailureKind.HUNG: Ladder(
            (_AGAIN,),
            "The engine stopped moving",
            "Read engine.log in the job's folder; try another level.",
        ),
        FailureKind.MALFORMED: Ladder(
            (_AGAIN,),
            "The engine's answer could not be read",
            "Report it with the input and the log in the job's folder.",
        ),
        FailureKind.DISK: Ladder(
            (Rung("once more, on whichever host has room"),),
            "There was no room on the disk",
            "Make room where the launcher keeps its jobs' folders (launch.folder).",
        ),
        FailureKind.UNAVAILABLE: Ladder(),
        FailureKind.INPUT: Ladder(),
        FailureKind.REFUSED: Ladder(),
        FailureKind.OTHER: Ladder(),
    }
)
"""By kind; a self-consistent field has a ladder of its own where the level is DFT."""


def ladder_of(kind: FailureKind, level: Level) -> Ladder:
    """Return what is done about a kind of failure at a level.

    Args:
        kind: What went wrong.
        level: Of the job; a force field has no electrons to warm.
    """
    if kind is FailureKind.SCF and level in _DENSITY_FUNCTIONAL:
        return _DENSITY_FUNCTIONAL_SCF
    ladder = LADDERS[kind]
    if level in _DENSITY_FUNCTIONAL or level == "dftb":
        rungs = tuple(rung for rung in ladder.rungs if rung is not _OTHER_CODE)
        return Ladder(rungs, ladder.reason, ladder.remedy)
    if kind is FailureKind.SCF and level in _FIXED_FIELD:
        return Ladder((), ladder.reason, ladder.remedy)
    return ladder
