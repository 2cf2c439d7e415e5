"""A ROI as the service and the operator are told of it."""

from __future__ import annotations

from shared.messages import Roi
from sim_dispatcher.board.entry import Entry
from sim_dispatcher.selection import Track

__all__ = ["roi_message"]


def roi_message(entry: Entry, track: Track, radius_A: float, now_ns: int) -> Roi:
    """Return the message about a ROI.

    Args:
        entry: What is known, wished and computed of it.
        track: Where and what it is.
        radius_A: Radius of its cut-out, Å.
        now_ns: Wall clock.
    """
    last, cut = track.last, entry.cut
    return Roi(
        key=entry.key,
        state=entry.state,
        reason=entry.reason,
        defect=last.defect,
        origin=track.origin,
        wish=entry.wish,
        previous=track.previous,
        shape=None if last.shape is None else last.shape.name,
        similarity=entry.similarity,
        frame=last.frame if cut is None else cut.frame,
        frame_index=last.frame_index if cut is None else cut.frame_index,
        seen_frames=track.seen,
        x_A=last.sample_A[0],
        y_A=last.sample_A[1],
        radius_A=radius_A,
        priority=entry.priority,
        updated_at_ns=now_ns,
    )
