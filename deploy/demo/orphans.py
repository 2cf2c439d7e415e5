"""Descendants that outlive their parents come to this process, and end with it.

A service may start helpers in sessions of their own. Should it be killed before it has ended them,
the kernel hands them to the nearest *subreaper* (prctl(2)), which the supervisor declares itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Set as AbstractSet
from pathlib import Path

__all__ = ["adopt_orphans", "collect_orphans", "end_orphans"]

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent is gone.

    Raises:
        OSError: The kernel is older than Linux 3.4.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot become a subreaper")


def collect_orphans(group: int) -> None:
    """Collect the dead of a process group that came to this process."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass


def end_orphans(kept: AbstractSet[int]) -> int:
    """Kill every child of this process, and what they leave, and collect them.

    Args:
        kept: Process numbers of children to spare.

    Returns:
        How many were ended.
    """
    ended = 0
    while orphans := _children() - kept:
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            ended += 1
    return ended


def _children() -> set[int]:
    pids: set[int] = set()
    for listing in Path("/proc/self/task").glob("*/children"):
        pids.update(map(int, listing.read_text().split()))
    return pids
