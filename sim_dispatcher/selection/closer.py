"""Unknown, look closer: what was seen too poorly to be computed, and how to see it better.

The advice is one figure, the factor by which the dose should grow. It rests on counting
statistics: four times the electrons halve every standard error, and the log-odds of a detection
grow as its signal over noise does. The same current and dwell time on a field of view smaller by
the factor's square root gives the same dose per area.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sim_dispatcher.selection.sighting import View
from sim_dispatcher.selection.tracker import Track

__all__ = ["Sharpness", "look_closer"]

HALVES: Final = 4.0
"""Times the dose where nothing says how much is needed: it halves every standard error."""

MOST: Final = 16.0
LEAST: Final = 1.5
"""Bounds of the advice: more is another experiment, less is not worth a dose."""


@dataclass(frozen=True, slots=True)
class Sharpness:
    """How well a defect must have been seen.

    Attributes:
        min_p: Probability from which it is computed.
        middling_p: From here up to `min_p` it is unknown; below it is taken for nothing.
        max_blur_A: Standard error of the atoms near it, one axis, Å.
    """

    min_p: float = 0.8
    middling_p: float = 0.4
    max_blur_A: float = 0.25


def look_closer(track: Track, wanted: Sharpness) -> str | None:
    """Say why a defect is to be looked at again instead of being computed.

    Args:
        track: The defect.
        wanted: How well it must have been seen.

    Returns:
        What is unclear and what to do; None where it was seen well enough.
    """
    for check in _CHECKS:
        found = check(track, wanted)
        if found is not None:
            why, factor = found
            return f"unknown, look closer: {why}; {_advice(track.last.view, factor)}."
    return None


_Finding = tuple[str, float]
"""Why, and by how much the dose should grow."""


def _odd_frame(track: Track, wanted: Sharpness) -> _Finding | None:
    del wanted
    doubt = track.last.doubt
    if doubt is None:
        return None
    return f"the frame is out of distribution ({doubt[:160]})", HALVES


def _unnamed(track: Track, wanted: Sharpness) -> _Finding | None:
    del wanted
    if track.type == "unknown":
        return "the structure fits no class", HALVES
    if track.type == "adatom" and track.last.element in (None, "X"):
        return "an atom of unknown element lies on the sheet", HALVES
    return None


def _middling(track: Track, wanted: Sharpness) -> _Finding | None:
    p = track.p
    if not wanted.middling_p <= p < wanted.min_p:
        return None
    gap = _log_odds(p)
    factor = (_log_odds(wanted.min_p) / gap) ** 2 if gap > 0 else MOST
    return f"p = {p:.2f}, computed from {wanted.min_p:.2f}", factor


def _blurred(track: Track, wanted: Sharpness) -> _Finding | None:
    blur_A = track.last.blur_A
    if blur_A is None or blur_A <= wanted.max_blur_A:
        return None
    why = f"atoms near it are known to {blur_A:.2f} Å, computed from {wanted.max_blur_A:.2f} Å"
    return why, (blur_A / wanted.max_blur_A) ** 2


_CHECKS: Final[tuple[Callable[[Track, Sharpness], _Finding | None], ...]] = (
    _odd_frame,
    _unnamed,
    _middling,
    _blurred,
)
"""In this order; the first that speaks is the reason."""


def _advice(view: View, factor: float) -> str:
    factor = min(max(factor, LEAST), MOST)
    dose = ""
    if view.dose_e_A2 is not None:
        dose = f" ({view.dose_e_A2:.2g} to {view.dose_e_A2 * factor:.2g} e/Å²)"
    narrow_A = view.width_A / math.sqrt(factor)
    return (
        f"take about {factor:.2g} times the dose{dose}, or a field of view of {narrow_A:.0f} Å"
        f" instead of {view.width_A:.0f} Å at the same current and dwell time"
    )


def _log_odds(p: float) -> float:
    p = min(max(p, 1e-6), 1 - 1e-6)
    return math.log(p / (1 - p))
