"""Whether a defect is computed now, later or not at all, with the reason in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sim_dispatcher.selection.tracker import Track

__all__ = ["Pick", "Refuse", "Rules", "Verdict", "Wait", "judge"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decides about selection.

    Attributes:
        min_p: Least probability of the defect.
        min_frames: Frames in which it must have been seen.
        max_rois: ROIs computed in a session.
    """

    min_p: float = 0.8
    min_frames: int = 1
    max_rois: int = 40


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


Verdict = Pick | Wait | Refuse

_NOT_POINTLIKE: Final = {
    "GB": "a grain boundary is no cluster: it needs a periodic cell",
    "edge": "an edge is no cluster: it needs a ribbon or a larger cut",
    "hole": "a hole is no cluster: it needs a larger cut",
    "unknown": "unknown structure: look closer, with more dose or a smaller field of view",
    "adatom": "the element of the adatom is unknown: name it first",
}


def judge(track: Track, rules: Rules, picked: Mapping[str, int]) -> Verdict:
    """Decide about a defect.

    Args:
        track: The defect.
        rules: What the operator decided.
        picked: Number of ROIs already picked in the session, by class.

    Returns:
        The verdict. The priority of a pick is confidence x novelty: the probability of the
        defect, over one plus the number of its class already picked.
    """
    defect = track.last.defect
    if defect.type in _NOT_POINTLIKE:
        return Refuse(f"{_NOT_POINTLIKE[defect.type]}.")
    if track.last.doubt is not None:
        return Wait(f"the frame is out of distribution: {track.last.doubt}.")
    if defect.p < rules.min_p:
        return Wait(f"p = {defect.p:.2f}, below the threshold of {rules.min_p:.2f}.")
    if track.seen < rules.min_frames:
        return Wait(f"seen in {track.seen} of {rules.min_frames} frames.")
    total = sum(picked.values())
    if total >= rules.max_rois:
        return Refuse(f"the session's budget of {rules.max_rois} ROIs is used up.")
    same = picked.get(defect.type, 0)
    priority = defect.p / (1 + same)
    reason = f"p {defect.p:.2f} x novelty {1 / (1 + same):.2f} ({same} {defect.type} before)"
    return Pick(priority, reason)
