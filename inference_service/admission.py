"""Who was let in, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Admission", "Rights"]

Rights = Literal["read", "operate"]
"""`read`: look at everything; `operate`: also order, and let others in."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody who was let in."""

    who: str
    """How logs and orders name them; no secret."""
    rights: Rights

    @property
    def may_operate(self) -> bool:
        """Whether they may change something."""
        return self.rights == "operate"
