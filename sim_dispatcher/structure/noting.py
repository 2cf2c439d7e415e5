"""Notes of a structure in the comment line of its extended XYZ text, and back.

ASE's reader takes a value apart at quotes and backslashes and makes numbers of what looks like
them; so notes are written as one string that holds neither and that begins with a bar.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["joined_notes", "split_notes"]

MARK: Final = "| "
_TAMED: Final = str.maketrans({'"': "'", "\\": "/", "|": "/", "\n": " ", "\r": " ", "\t": " "})


def joined_notes(notes: Iterable[str]) -> str:
    """Return notes as one value: each after a bar; quotes, bars and backslashes are replaced."""
    return " ".join(MARK + note.translate(_TAMED).strip() for note in notes)


def split_notes(value: object) -> tuple[str, ...]:
    """Return the notes of such a value; none where it is something else."""
    if not isinstance(value, str) or not value.startswith(MARK):
        return ()
    return tuple(note for part in value.split("|") if (note := part.strip()))
