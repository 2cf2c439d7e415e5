"""Judging a ROI: what is known of it, what the verdict means, and when it is forgotten."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from shared.messages import RoiState
from sim_dispatcher.board.comparison import Comparison
from sim_dispatcher.board.entry import Entry
from sim_dispatcher.board.scenes import Scenes
from sim_dispatcher.selection import (
    FIRST,
    Pick,
    Prospect,
    Refuse,
    Rules,
    Stale,
    Track,
    Verdict,
    absence,
)

__all__ = ["absent", "forgettable", "prospect", "told"]

MOST: Final = 2000
"""ROIs kept; beyond, the longest unseen ones that nobody picked are forgotten."""


def prospect(
    entry: Entry, track: Track, scenes: Scenes, comparison: Comparison, *, paused: bool
) -> Prospect:
    """Gather what is known of a ROI.

    Args:
        entry: What is wished of it.
        track: Where and what it is.
        scenes: The frames that are kept.
        comparison: What was computed before.
        paused: Whether the operator halted the session.
    """
    newest = scenes.newest
    age = newest.header.frame_index - track.last.frame_index if newest is not None else 0
    kinship = comparison.kinship(track)
    return Prospect(
        track=track,
        wish=entry.wish,
        age_frames=max(age, 0),
        in_view=newest is not None and newest.shows(track.last.sample_A),
        at_hand=track.last.frame in scenes,
        alike=kinship.alike,
        likest=kinship.likest,
        similarity=kinship.similarity,
        bareness=kinship.bareness,
        paused=paused,
    )


def absent(known: Prospect, rules: Rules) -> str | None:
    """Say why a ROI that was cut out already counts as gone; None where it does not.

    A place that only the operator or chance named is not seen again, so it never does.
    """
    if known.track.origin != "defect":
        return None
    return absence(replace(known, at_hand=True), rules)


def told(verdict: Verdict) -> tuple[RoiState, str]:
    """Return the state and the reason that a verdict means."""
    match verdict:
        case Pick() if verdict.priority >= FIRST:
            return "candidate", verdict.reason[:500]
        case Pick():
            return "candidate", f"waits for a free place; {verdict.reason}"[:500]
        case Refuse():
            return "refused", verdict.reason[:500]
        case Stale():
            return "stale", verdict.reason[:500]
        case _:
            return "candidate", verdict.reason[:500]


def forgettable(entries: Collection[Entry], tracks: Mapping[str, Track]) -> set[str]:
    """Return the ROIs to drop: random patches not taken up, and the oldest of too many.

    Args:
        entries: All ROIs.
        tracks: Where and what each is.
    """
    free = [entry for entry in entries if not entry.picked and entry.wish == "usual"]
    gone = {
        entry.key
        for entry in free
        if tracks[entry.key].origin == "random" and entry.state == "stale"
    }
    spare = len(entries) - MOST
    if spare > 0:
        free.sort(key=lambda entry: tracks[entry.key].last.frame_index)
        gone |= {entry.key for entry in free[:spare]}
    return gone
