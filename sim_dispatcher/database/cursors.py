"""Open cursors: results that a client fetches in several batches."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import bson
from bson.raw_bson import RawBSONDocument

from sim_dispatcher.database.errors import CommandError
from sim_dispatcher.database.wire import CODEC, MAX_DOCUMENT_BYTES

__all__ = ["Cursors"]

Document = dict[str, Any]

FIRST_BATCH: Final = 101
"""Documents in a first batch, where the client names no number: MongoDB's own."""

MAX_OPEN: Final = 1000
"""Cursors kept; the one unused for longest is closed first."""


@dataclass
class _Cursor:
    namespace: str
    rest: deque[Document]


class Cursors:
    """The cursors of a server."""

    def __init__(self) -> None:
        self._open: OrderedDict[int, _Cursor] = OrderedDict()
        self._last = 0

    def first(
        self, documents: Sequence[Document], namespace: str, size: int | None, *, single: bool
    ) -> Document:
        """Return the reply that carries the first batch.

        Args:
            documents: All results.
            namespace: Where they come from.
            size: Largest number of documents in the batch; None for the server's choice.
            single: Close the cursor after this batch.
        """
        cursor = _Cursor(namespace, deque(documents))
        batch = _batch(cursor.rest, FIRST_BATCH if size is None else size)
        identifier = 0
        if cursor.rest and not single:
            self._last += 1
            identifier = self._last
            self._open[identifier] = cursor
            if len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
        return _reply("firstBatch", batch, namespace, identifier)

    def more(self, identifier: int, size: int | None) -> Document:
        """Return the reply that carries the next batch.

        Args:
            identifier: The cursor.
            size: Largest number of documents; None for as many as fit.

        Raises:
            CommandError: The cursor is not open.
        """
        cursor = self._open.get(identifier)
        if cursor is None:
            raise CommandError(43, f"Cursor id {identifier} is not open.")
        self._open.move_to_end(identifier)
        batch = _batch(cursor.rest, size or len(cursor.rest))
        if not cursor.rest:
            del self._open[identifier]
            identifier = 0
        return _reply("nextBatch", batch, cursor.namespace, identifier)

    def kill(self, identifiers: Sequence[int]) -> list[int]:
        """Close cursors; return those that were open."""
        return [one for one in identifiers if self._open.pop(one, None) is not None]


def _batch(rest: deque[Document], size: int) -> list[RawBSONDocument]:
    """Take documents off the front, at most `size` of them and 16 MiB in all."""
    batch: list[RawBSONDocument] = []
    room = MAX_DOCUMENT_BYTES
    while rest and len(batch) < size:
        raw = bson.encode(rest[0], codec_options=CODEC)
        room -= len(raw)
        if batch and room < 0:
            break
        batch.append(RawBSONDocument(raw))
        rest.popleft()
    return batch


def _reply(name: str, batch: list[RawBSONDocument], namespace: str, identifier: int) -> Document:
    return {"cursor": {name: batch, "id": bson.Int64(identifier), "ns": namespace}, "ok": 1.0}
