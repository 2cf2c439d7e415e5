"""Lists over HTTP: a page at a time, with a cap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Page", "PageRequest", "PageWanted", "page"]

T = TypeVar("T")
V = TypeVar("V")

DEFAULT_LIMIT = 50


class Page(BaseModel, Generic[T]):
    """A piece of a list, newest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    items: tuple[T, ...]
    total: int = Field(description="Entries in the whole list at this instant.")
    offset: int
    limit: int


class PageRequest(BaseModel):
    """Which piece is wanted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    offset: int
    limit: int


def _wanted(
    request: Request,
    offset: Annotated[int, Query(ge=0, le=2**31, description="Entries to skip.")] = 0,
    limit: Annotated[int, Query(ge=1, description="Entries wanted; capped.")] = DEFAULT_LIMIT,
) -> PageRequest:
    return PageRequest(offset=offset, limit=min(limit, request.app.state.max_page))


PageWanted = Annotated[PageRequest, Depends(_wanted)]


def page(entries: Sequence[V], wanted: PageRequest, view: Callable[[V], T]) -> Page[T]:
    """Return a page of a list.

    Args:
        entries: The whole list.
        wanted: Which piece.
        view: Turns an entry into what is shown.
    """
    piece = entries[wanted.offset : wanted.offset + wanted.limit]
    return Page(
        items=tuple(view(entry) for entry in piece),
        total=len(entries),
        offset=wanted.offset,
        limit=wanted.limit,
    )
