"""What is known of a ROI when it is judged: gathered from its track, the frames and its peers."""

from __future__ import annotations

from dataclasses import replace

from sim_dispatcher.board.comparison import Comparison
from sim_dispatcher.board.entry import Entry
from sim_dispatcher.board.scenes import Scenes
from sim_dispatcher.selection import Prospect, Rules, Track, absence

__all__ = ["absent", "prospect"]


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
