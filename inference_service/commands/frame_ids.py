"""Name the frames of an analysis by their files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

__all__ = ["file_ids", "image_id"]


def file_ids(paths: Sequence[Path]) -> dict[Path, str]:
    """Map each file to its path below the common parent of all, without its ending.

    The ending is kept where two files would share a name without it.
    """
    absolute = {path: Path(os.path.normpath(Path.cwd() / path)) for path in paths}
    parent = os.path.commonpath([full.parent for full in absolute.values()])
    below = {path: PurePosixPath(full.relative_to(parent)) for path, full in absolute.items()}
    short = {path: str(relative.with_suffix("")) for path, relative in below.items()}
    uses = Counter(short[path] for path in set(paths))
    return {path: short[path] if uses[short[path]] == 1 else str(below[path]) for path in paths}


def image_id(file_id: str, index: int, *, stack: bool) -> str:
    """Name the image `index` (from 0) of a file; a single image bears the file's own name."""
    return f"{file_id}#{index}" if stack else file_id
