"""Whether the service can do its work, dependency by dependency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Dependency", "Readiness", "is_ready"]


class Dependency(BaseModel):
    """One thing the service needs, and whether it is there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="Short stable name: `detector`, `link`, `edge`, `dispatcher`.")
    ready: bool
    required: bool = Field(
        default=True, description="Whether /readyz answers 503 while this is not ready."
    )
    detail: str = Field(description="What is the case, in one sentence.")
    remedy: str | None = Field(default=None, description="What to do where it is not ready.")


Readiness: TypeAlias = Callable[[], Sequence[Dependency]]
"""Asked at every probe and about once a second by the live view: must answer at once."""


def is_ready(dependencies: Sequence[Dependency]) -> bool:
    """Tell whether every required dependency is there."""
    return all(dependency.ready or not dependency.required for dependency in dependencies)
