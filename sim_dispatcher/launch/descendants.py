"""A process and everything that came from it, ended together.

An engine runs programs, which run programs of their own; some of them leave its process group.
So the tree is frozen from its root down, so that no process can start another, and then killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

__all__ = ["children_of", "end_tree"]


def children_of(pid: int) -> list[int]:
    """Return the children of a process (proc(5), `children`), none where it is gone."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (thread / "children").read_text("ascii").split())
    return found


def end_tree(root: int) -> None:
    """Kill a child process of this one with all its descendants.

    What was orphaned before is found by the process group, if it stayed in it.

    Args:
        root: Its number; it leads a process group of its own.
    """
    frozen = _frozen(root)
    for pid in frozen:
        _send(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(root) == root:
            os.killpg(root, signal.SIGKILL)


def _frozen(root: int) -> list[int]:
    """Stop a tree from its root down; return all of it."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        if _send(pid, signal.SIGSTOP):
            found.append(pid)
            waiting += children_of(pid)
    return found


def _send(pid: int, number: signal.Signals) -> bool:
    """Send a signal; False where there is no such process any more."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
