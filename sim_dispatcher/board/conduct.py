"""What the operator decides about a session, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sim_dispatcher.board.ladder import Ladder
from sim_dispatcher.selection import Limits, Rules

__all__ = ["Conduct", "StaleJobs"]

StaleJobs = Literal["demote", "cancel", "keep"]
"""What becomes of the waiting jobs of a ROI that is not there any more."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """The rules of a session.

    Attributes:
        rules: Which defects are computed.
        limits: How much is computed.
        ladder: By which theory.
        radius_A: Radius of a cut-out, Å.
        changed_frames: Frames running that show another class before it is a new ROI.
        reshaped_frames: Frames running that show another shape of the class before it is one.
        frames_kept: Frames whose atoms are kept for cutting.
        stale_jobs: What becomes of jobs that wait for a ROI that is gone; none that runs is ended.
    """

    rules: Rules = field(default_factory=Rules)
    limits: Limits = field(default_factory=Limits)
    ladder: Ladder = field(default_factory=Ladder)
    radius_A: float = 8.99
    changed_frames: int = 2
    reshaped_frames: int = 4
    frames_kept: int = 64
    stale_jobs: StaleJobs = "demote"
