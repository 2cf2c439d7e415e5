"""Unfinished work on disk: arrays without pickle, replaced at once or not at all.

A file says whose work it is (structure, recipe, level, settings) and holds every stage that was
finished or begun; another calculation's, or a damaged one, counts as absent.
"""

from __future__ import annotations

import json
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
    """Where a stage of a calculation stands.

    Attributes:
        stage: Its name.
        step: Steps done in it.
        arrays: All that it needs to go on, or what it found, by name.
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
        self._stages: dict[str, Saved] | None = None

    def load(self, stage: str) -> Saved | None:
        """Return what is kept of a stage of this calculation, or None."""
        return self._known().get(stage)

    def save(self, saved: Saved) -> None:
        """Replace what is kept of a stage; a crash leaves either the old or the new file."""
        if self.path is None:
            return
        stages = self._known()
        stages[saved.stage] = saved
        head = {"identity": self._identity, "steps": {s.stage: s.step for s in stages.values()}}
        content: dict[str, NDArray[Any]] = {"head": np.array(json.dumps(head))}
        for kept in stages.values():
            content |= {f"{kept.stage}:{name}": array for name, array in kept.arrays.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(self.path.name + ".tmp")
        with unfinished.open("wb") as file:
            np.savez(file, allow_pickle=False, **content)
        unfinished.replace(self.path)

    def clear(self) -> None:
        """Remove the file: the calculation is done."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _known(self) -> dict[str, Saved]:
        """Return all stages, read from the file when first asked for."""
        if self._stages is None:
            self._stages = {} if self.path is None else _read(self.path, self._identity)
        return self._stages


def _read(path: Path, identity: str) -> dict[str, Saved]:
    """Return the stages of a file, none where it is not this calculation's."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            head = json.loads(str(stored["head"]))
            if head["identity"] != identity:
                return {}
            arrays = {name: stored[name] for name in stored.files}
            steps = {str(stage): int(step) for stage, step in head["steps"].items()}
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return {}
    return {
        stage: Saved(
            stage,
            step,
            {
                name.removeprefix(f"{stage}:"): array
                for name, array in arrays.items()
                if name.startswith(f"{stage}:")
            },
        )
        for stage, step in steps.items()
    }
