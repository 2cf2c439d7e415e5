"""Ends the demo's processes if the supervisor dies without having done so itself.

It reads process-group numbers from its standard input, one per line, `-N` for one that is gone.
The supervisor holds the other end: when that closes, however the supervisor died, every group
still listed is asked to end and, after as many seconds as the argument says, killed.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

__all__ = ["main"]

LOOK_EVERY_S = 0.1


def main() -> None:
    """Read groups until the supervisor is gone, then end what is left of them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it must outlive the supervisor
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line)
        if group > 0:
            groups.add(group)
        else:
            groups.discard(-group)
    deadline = time.monotonic() + float(sys.argv[1])
    alive = _signal(groups, signal.SIGTERM)
    while alive and time.monotonic() < deadline:
        select.select([], [], [], LOOK_EVERY_S)
        alive = _signal(alive, None)
    _signal(alive, signal.SIGKILL)


def _signal(groups: set[int], number: signal.Signals | None) -> set[int]:
    """Signal every group (None: only look) and return those that exist."""
    alive = set()
    for group in groups:
        try:
            os.killpg(group, number or 0)
        except ProcessLookupError:
            continue
        alive.add(group)
    return alive


if __name__ == "__main__":
    main()
