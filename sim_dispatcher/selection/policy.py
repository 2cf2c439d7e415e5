"""Whether a defect is computed now, later or not at all, with the reason in words.

Priority = confidence x novelty x age x wish; the reason of a pick shows every factor. What decides
otherwise is a table of checks, gone through in order; the first that speaks is the verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from shared.messages import Wish
from sim_dispatcher.selection.budget import Limits, Usage, exhausted
from sim_dispatcher.selection.closer import Sharpness, look_closer
from sim_dispatcher.selection.tracker import Track

__all__ = [
    "FIRST",
    "Pick",
    "Prospect",
    "Refuse",
    "Rules",
    "Stale",
    "Verdict",
    "Wait",
    "absence",
    "judge",
]

FIRST: Final = 1000.0
"""Added to the priority of what the operator wants first: more than anything else adds up to."""

RANDOM_CONFIDENCE: Final = 0.5
"""Weight of a random patch beside a defect: a yardstick is worth less than what it measures."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decides about selection.

    Attributes:
        sharpness: How well a defect must have been seen.
        min_frames: Frames in which it must have been seen.
        fresh_frames: Frames unseen that halve its priority.
        stale_frames: Frames unseen after which it is stale.
        weigh_doubts: Whether doubtful atoms near it lower its priority (else they stop its cut).
    """

    sharpness: Sharpness = field(default_factory=Sharpness)
    min_frames: int = 1
    fresh_frames: float = 4.0
    stale_frames: int = 12
    weigh_doubts: bool = False


@dataclass(frozen=True, slots=True)
class Prospect:
    """What is known of a ROI when it is judged.

    Attributes:
        track: The defect.
        wish: What the operator said of it.
        age_frames: Frames since it was last seen.
        in_view: Whether its place lies in the newest frame.
        at_hand: Whether the frame that it is cut from is still kept.
        alike: How many like it were computed before, each counted by its likeness from 1/2 on.
        likest: Name of the computed ROI most like it.
        similarity: That likeness; None where nothing was computed yet.
        bareness: Likeness to the random patches of bare sheet; None where it says nothing.
        paused: Whether the operator halted the session.
    """

    track: Track
    wish: Wish = "usual"
    age_frames: int = 0
    in_view: bool = True
    at_hand: bool = True
    alike: float = 0.0
    likest: str | None = None
    similarity: float | None = None
    bareness: float | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Pick:
    """Compute it.

    Attributes:
        priority: Larger first.
        reason: How the priority came about.
    """

    priority: float
    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet.

    Attributes:
        reason: What it waits for.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not at all, as it is.

    Attributes:
        reason: Why, and what would change it.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Stale:
    """It is not there any more, or not in sight.

    Attributes:
        reason: Which of the two.
    """

    reason: str


Verdict: TypeAlias = Pick | Wait | Refuse | Stale

_NOT_POINTLIKE: Final = {
    "GB": "a grain boundary is no cluster: it needs a periodic cell.",
    "edge": "an edge is no cluster: it needs a ribbon or a larger cut.",
    "hole": "a hole is no cluster: it needs a larger cut.",
    "adatom": "an atom on the sheet is no part of it: order `adsorb` on the sheet beside it.",
}


def judge(prospect: Prospect, rules: Rules, limits: Limits, usage: Usage) -> Verdict:
    """Decide about a ROI.

    Args:
        prospect: What is known of it.
        rules: What the operator decided.
        limits: What the session may use.
        usage: What it has used.

    Returns:
        The verdict. An operator's wish for it goes beyond doubts, budget and pause.
    """
    case = _Case(prospect, rules, limits, usage)
    for check in _CHECKS:
        verdict = check(case)
        if verdict is not None:
            return verdict
    return _pick(case)


def absence(prospect: Prospect, rules: Rules) -> str | None:
    """Say why a ROI counts as not there any more; None where it was seen of late."""
    if prospect.at_hand and prospect.age_frames <= rules.stale_frames:
        return None
    last = prospect.track.last.frame_index
    if prospect.in_view:
        return f"in view, but not seen since frame {last}: healed, moved or covered."
    return f"out of view since frame {last}."


@dataclass(frozen=True, slots=True)
class _Case:
    prospect: Prospect
    rules: Rules
    limits: Limits
    usage: Usage


def _dismissed(case: _Case) -> Verdict | None:
    if case.prospect.wish == "never":
        return Refuse("dismissed by the operator; release it to have it judged again.")
    return None


def _changed(case: _Case) -> Verdict | None:
    successor = case.prospect.track.successor
    if successor is None:
        return None
    return Stale(f"the beam changed it into {successor}.")


def _wanted(case: _Case) -> Verdict | None:
    prospect = case.prospect
    if prospect.wish != "first":
        return None
    if not prospect.at_hand:
        last = prospect.track.last.frame_index
        return Wait(f"picked by the operator; frame {last} is forgotten, it waits to be seen again")
    confidence = prospect.track.p
    return Pick(FIRST + confidence, "picked by the operator: before all others")


def _unseen(case: _Case) -> Verdict | None:
    reason = absence(case.prospect, case.rules)
    return None if reason is None else Stale(reason)


def _no_cluster(case: _Case) -> Verdict | None:
    track = case.prospect.track
    if track.type == "adatom" and track.last.element in (None, "X"):
        return None
    reason = _NOT_POINTLIKE.get(track.type)
    return None if reason is None else Refuse(reason)


def _unclear(case: _Case) -> Verdict | None:
    track = case.prospect.track
    if track.origin != "defect":
        return None
    reason = look_closer(track, case.rules.sharpness)
    return None if reason is None else Refuse(reason)


def _unlikely(case: _Case) -> Verdict | None:
    p, least = case.prospect.track.p, case.rules.sharpness.min_p
    if p >= least or case.prospect.track.origin != "defect":
        return None
    return Wait(f"p = {p:.2f}, below the threshold of {least:.2f}.")


def _too_new(case: _Case) -> Verdict | None:
    seen, least = case.prospect.track.seen, case.rules.min_frames
    if seen >= least or case.prospect.track.origin != "defect":
        return None
    return Wait(f"seen in {seen} of {least} frames.")


def _unaffordable(case: _Case) -> Verdict | None:
    reason = exhausted(case.limits, case.usage)
    return None if reason is None else Refuse(reason)


def _halted(case: _Case) -> Verdict | None:
    return Wait("paused by the operator.") if case.prospect.paused else None


_CHECKS: Final[tuple[Callable[[_Case], Verdict | None], ...]] = (
    _dismissed,
    _wanted,
    _changed,
    _unseen,
    _no_cluster,
    _unclear,
    _unlikely,
    _too_new,
    _unaffordable,
    _halted,
)


def _pick(case: _Case) -> Pick:
    """Return the priority as a product, each factor named."""
    prospect = case.prospect
    p = prospect.track.p
    confidence, why = p, f"p {p:.2f}"
    if prospect.track.origin == "random":
        confidence, why = RANDOM_CONFIDENCE, f"random patch {RANDOM_CONFIDENCE:.2f}"
    novelty = (1 - (prospect.bareness or 0.0)) / (1 + prospect.alike)
    age = 0.5 ** (prospect.age_frames / case.rules.fresh_frames)
    factors = [why, f"novelty {novelty:.2f} ({_likeness(prospect)})", f"age {age:.2f}", "wish 1"]
    priority = confidence * novelty * age
    if case.rules.weigh_doubts:
        certainty = prospect.track.last.certainty
        priority *= certainty
        factors.append(f"certainty of the atoms near {certainty:.2f}")
    return Pick(priority, f"{' x '.join(factors)} = {priority:.3f}")


def _likeness(prospect: Prospect) -> str:
    parts = [f"{prospect.alike:.1f} like it before"]
    if prospect.likest is not None and prospect.similarity:
        parts.append(f"most {prospect.likest} at {prospect.similarity:.2f}")
    if prospect.bareness is not None:
        parts.append(f"{prospect.bareness:.2f} like bare sheet")
    return ", ".join(parts)
