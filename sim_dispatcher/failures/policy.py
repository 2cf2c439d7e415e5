"""Try again or give up: a decision on how often each kind of failure has happened.

The order in which they happened plays no role, so a record needs to keep counts alone, and the
settings of the next attempt follow from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from shared.messages.simulation import Level
from sim_dispatcher.failures.adjustments import Adjustments
from sim_dispatcher.failures.kinds import CONTINUING, FailureKind
from sim_dispatcher.failures.ladders import MAX_CONTINUATIONS, MAX_LOSSES, ladder_of

__all__ = [
    "MAX_ATTEMPTS",
    "MAX_CONTINUATIONS",
    "MAX_LOSSES",
    "GiveUp",
    "Retry",
    "Tries",
    "adjustments_after",
    "attempt_after",
    "decide",
    "is_lawful",
]

Tries: TypeAlias = Mapping[FailureKind, int]
"""How often each kind of failure was followed by another attempt."""

MAX_ATTEMPTS: Final = 6
"""Attempts of one job, whatever went wrong with each; continuations do not count."""

_SMALLEST: Final = ("mixing", "max_step_A", "timestep_factor")


@dataclass(frozen=True)
class Retry:
    """Try again.

    Attributes:
        adjustments: How.
        what: What is different, in words.
    """

    adjustments: Adjustments
    what: str


@dataclass(frozen=True)
class GiveUp:
    """Do not.

    Attributes:
        reason: What went wrong in the end.
        remedy: What the operator can do about it.
    """

    reason: str
    remedy: str


def decide(kind: FailureKind, tries: Tries, level: Level, words: tuple[str, str]) -> Retry | GiveUp:
    """Decide what follows a failure.

    Args:
        kind: What went wrong now.
        tries: What went wrong before.
        level: Of the job.
        words: Reason and remedy in the failing part's own words.

    Returns:
        The next attempt, or the end with its reason and remedy.
    """
    ladder, done = ladder_of(kind, level), tries.get(kind, 0)
    spent = kind not in CONTINUING and attempt_after(tries) >= MAX_ATTEMPTS
    if done < len(ladder.rungs) and not spent:
        after = {**tries, kind: done + 1}
        return Retry(adjustments_after(after, level), ladder.rungs[done].what)
    reason = words[0] if ladder.reason is None else f"{ladder.reason}: {words[0]}"
    attempts = attempt_after(tries)
    if attempts > 1:
        reason = f"{reason.rstrip('.')}, in the last of {attempts} attempts."
    return GiveUp(reason, words[1] if ladder.remedy is None else ladder.remedy)


def adjustments_after(tries: Tries, level: Level) -> Adjustments:
    """Return the settings of the attempt that follows a history of failures.

    Args:
        tries: What went wrong so far.
        level: Of the job.

    Returns:
        Of each setting the most careful value that any climbed rung asks for.
    """
    chosen: dict[str, Any] = {"attempt": attempt_after(tries)}
    for kind, count in tries.items():
        for rung in ladder_of(kind, level).rungs[:count]:
            for name, value in rung.changes.items():
                pick = min if name in _SMALLEST else max
                chosen[name] = pick(chosen.get(name, value), value)
    return Adjustments(**chosen)


def attempt_after(tries: Tries) -> int:
    """Return the number of the attempt that follows; a continuation is the same attempt."""
    return 1 + sum(count for kind, count in tries.items() if kind not in CONTINUING)


def is_lawful(tries: Tries, adjustments: Adjustments, level: Level) -> bool:
    """Tell whether a stored history and its settings are ones that the policy leads to.

    Args:
        tries: As stored.
        adjustments: As stored.
        level: Of the job, as it was signed.
    """
    bounded = all(0 < count <= len(ladder_of(kind, level).rungs) for kind, count in tries.items())
    within = attempt_after(tries) <= MAX_ATTEMPTS
    return bounded and within and adjustments == adjustments_after(tries, level)
