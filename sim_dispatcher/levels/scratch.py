"""A folder and a silence of its own for an engine that writes where it stands.

libxtb's GFN-FF set-up leaves `gfnff_topo` and `gfnff_adjacency` in the working directory and
writes to the Fortran standard output whatever its verbosity is. Both are process-wide, so one
engine at a time is let in.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["private_folder"]

_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def private_folder() -> Iterator[None]:
    """Run a block in an empty temporary folder with standard output closed to it."""
    with _ONE_AT_A_TIME, tempfile.TemporaryDirectory(prefix="atomloop-") as folder:
        home = os.open(".", os.O_RDONLY)
        sys.stdout.flush()
        spoken = os.dup(1)
        silence = os.open(os.devnull, os.O_WRONLY)
        try:
            os.chdir(folder)
            os.dup2(silence, 1)
            yield
        finally:
            os.dup2(spoken, 1)
            os.fchdir(home)
            for descriptor in (silence, spoken, home):
                os.close(descriptor)
