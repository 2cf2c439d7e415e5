"""A folder and a silence of its own for an engine that writes where it stands.

libxtb's GFN-FF set-up leaves `gfnff_topo` and `gfnff_adjacency` in the working directory and
writes to the Fortran standard output whatever its verbosity is. Both are process-wide, so one
engine at a time is let in.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["WorkingFolder", "private_folder"]

_PREFIX: Final = "atomloop-level-"

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


class WorkingFolder:
    """A folder for a program's files; it goes when its owner does.

    What killed processes of this user left behind goes first: their folders carry their numbers.

    Attributes:
        path: Where it is.
    """

    def __init__(self) -> None:
        _sweep(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def _sweep(root: Path) -> None:
    for left in root.glob(f"{_PREFIX}*-*"):
        number = left.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdigit() and not Path("/proc", number).exists():
            shutil.rmtree(left, ignore_errors=True)
