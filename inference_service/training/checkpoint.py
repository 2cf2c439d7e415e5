"""Training state on disk as plain arrays, written atomically; nothing is ever unpickled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shared.errors import ModelError

__all__ = ["load_arrays", "save_arrays", "steps_taken"]


def save_arrays(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Write named arrays so that a reader sees the old file or the new one, never half of one.

    Args:
        path: the file, ending in ``.npz``.
        arrays: what to keep.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.stem + ".draft.npz")
    with draft.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    draft.replace(path)


def load_arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    """Read what ``save_arrays`` wrote.

    Raises:
        ModelError: the file is damaged or holds anything but plain arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError) as error:
        raise ModelError(
            f"The checkpoint {path.name} cannot be read.", remedy="Delete it and train again."
        ) from error


def steps_taken(path: Path) -> int:
    """Return how many steps a checkpoint has behind it; 0 where there is none.

    Raises:
        ModelError: the file is damaged or holds anything but plain arrays.
    """
    return int(load_arrays(path)["step"]) if path.exists() else 0
