"""Unfinished work on disk: arrays without pickle, replaced at once or not at all.

A file says whose work it is (structure, recipe, level, settings); another calculation's, or a
damaged one, counts as absent.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Checkpoint", "Saved"]


@dataclass(frozen=True, eq=False)
class Saved:
    """Where a calculation stood.

    Attributes:
        stage: Part of the calculation.
        step: Steps done in it.
        arrays: All that it needs to go on, by name.
    """

    stage: str
    step: int
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


class Checkpoint:
    """The file of one calculation.

    Args:
        path: Where it is; None = nothing is kept.
        identity: Name of the calculation.
    """

    def __init__(self, path: Path | None, identity: str) -> None:
        self.path = path
        self._identity = identity

    def load(self, stage: str) -> Saved | None:
        """Return the work kept for a stage of this calculation, or None."""
        if self.path is None:
            return None
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            identity, found, step = (
                str(arrays.pop(name)) for name in ("identity", "stage", "step")
            )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        if (identity, found) != (self._identity, stage):
            return None
        return Saved(stage, int(step), arrays)

    def save(self, saved: Saved) -> None:
        """Replace the file; a crash leaves either the old or the new one."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(self.path.name + ".tmp")
        head = {"identity": self._identity, "stage": saved.stage, "step": str(saved.step)}
        content = {name: np.array(text) for name, text in head.items()} | dict(saved.arrays)
        with unfinished.open("wb") as file:
            np.savez(file, allow_pickle=False, **content)
        unfinished.replace(self.path)

    def clear(self) -> None:
        """Remove the file: the calculation is done."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
