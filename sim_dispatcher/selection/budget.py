"""The session's budget: ROIs, jobs and CPU-hours, and the words in which it runs out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["Limits", "Usage", "exhausted", "wants_patch"]

HOUR_S: Final = 3600.0
_REMEDY: Final = "pick it to have it computed all the same, or raise budget.{name}."


@dataclass(frozen=True, slots=True)
class Limits:
    """What a session may use.

    Attributes:
        rois: ROIs computed.
        jobs: Jobs started for them, error bars included.
        cpu_h: CPU-hours; None = no limit.
        random_share: Random patches per computed defect.
    """

    rois: int = 40
    jobs: int = 200
    cpu_h: float | None = None
    random_share: float = 0.1


@dataclass(frozen=True, slots=True)
class Usage:
    """What the session has used.

    Attributes:
        rois: ROIs computed or under way.
        jobs: Jobs started.
        cpu_s: CPU time of all that has ended, s.
        expected_cpu_s: What the jobs under way will still take, judged by those before them, s.
        randoms: Random patches among the ROIs.
    """

    rois: int = 0
    jobs: int = 0
    cpu_s: float = 0.0
    expected_cpu_s: float = 0.0
    randoms: int = 0

    @property
    def cpu_h(self) -> float:
        """CPU time used, hours."""
        return self.cpu_s / HOUR_S


def exhausted(limits: Limits, usage: Usage, *, rois: bool = True) -> str | None:
    """Say which limit leaves no room for one more.

    Args:
        limits: What the session may use.
        usage: What it has used.
        rois: Whether the question is about one more ROI; else about one more job of an old one.

    Returns:
        The reason, with what would change it; None where there is room.
    """
    if rois and usage.rois >= limits.rois:
        return _words(f"{limits.rois} ROIs", "rois")
    if usage.jobs >= limits.jobs:
        return _words(f"{limits.jobs} jobs", "jobs")
    if limits.cpu_h is None:
        return None
    due_h = (usage.cpu_s + usage.expected_cpu_s) / HOUR_S
    if due_h >= limits.cpu_h:
        used = f"{limits.cpu_h:g} CPU-hours ({usage.cpu_h:.2f} used, {due_h:.2f} with what runs)"
        return _words(used, "cpu_h")
    return None


def wants_patch(limits: Limits, usage: Usage, waiting: int) -> bool:
    """Tell whether a random patch is due.

    Args:
        limits: Their share.
        usage: ROIs so far.
        waiting: Random patches drawn and not computed yet.
    """
    defects = usage.rois - usage.randoms
    return usage.randoms + waiting < int(limits.random_share * defects + 0.5)


def _words(what: str, name: str) -> str:
    return f"the session's budget of {what} is used up: {_REMEDY.format(name=name)}"
