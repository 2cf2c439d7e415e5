"""Become another program that does not outlive the process which started it.

Run by path (`python -I -S leash.py PROGRAM ARGUMENT…`), so it imports nothing but the standard
library and costs about 15 ms. The kernel keeps the death signal across `exec`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

__all__ = ["main"]

PR_SET_PDEATHSIG: Final = 1
"""Linux: the signal a process gets when the thread that started it ends."""


def main() -> None:
    """Tie this process to its parent, then become the program named on the command line."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    program, *arguments = sys.argv[1:]
    os.execv(program, [program, *arguments])  # noqa: S606 - no shell; the caller's fixed list


if __name__ == "__main__":
    main()
