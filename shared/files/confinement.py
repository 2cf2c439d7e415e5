"""What the reader process gives up before it opens the first file.

Memory, open files, written bytes and core dumps are limited by the kernel; the network is left
behind where the kernel lets an ordinary process do so (Linux user namespaces); new privileges are
renounced; and the process ends with its owner, however that ends.
"""

from __future__ import annotations

import ctypes
import resource
import signal
from typing import Final

from shared.files.limits import ADDRESS_SPACE_BYTES, FILE_SECONDS, OPEN_FILES

__all__ = ["confine", "renew_processor_time"]

PR_SET_PDEATHSIG: Final = 1
PR_SET_NO_NEW_PRIVS: Final = 38
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWNET: Final = 0x40000000
"""Constants of prctl(2) and unshare(2)."""

LIMITS: Final = {
    resource.RLIMIT_AS: ADDRESS_SPACE_BYTES,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_NOFILE: OPEN_FILES,
}
"""Bounds, soft and hard alike; processor time is renewed per image."""


def confine() -> None:
    """Give up what reading files does not need; for the process's only thread."""
    kernel = ctypes.CDLL(None)
    kernel.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    kernel.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if kernel.unshare(CLONE_NEWNET):
        kernel.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    for name, bound in LIMITS.items():
        resource.setrlimit(name, (bound, bound))


def renew_processor_time() -> None:
    """Allow another image's worth of processor time from here on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    allowed = int(used.ru_utime + used.ru_stime + FILE_SECONDS) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, hard))
