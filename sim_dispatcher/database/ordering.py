"""Values as keys: for hash lookup, and in MongoDB's order between types.

Order of types: null < numbers < text < documents < arrays < bytes < object ids < booleans < dates.
Source: https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Hashable, Sequence
from typing import Any, Final

from bson import ObjectId
from mongomock.filtering import iter_key_candidates

__all__ = ["freeze", "order_key", "sort_documents", "values_at"]

Document = dict[str, Any]
OrderKey = tuple[Any, ...]

_MISSING: Final[object] = iter_key_candidates("absent", {})[0]
"""The query library's own marker for a field that is not there."""


def freeze(value: object) -> Hashable:
    """Return a hashable stand-in that is equal exactly when the values are."""
    if isinstance(value, dict):
        return ("document", frozenset((name, freeze(item)) for name, item in value.items()))
    if isinstance(value, list):
        return ("array", *map(freeze, value))
    return value if isinstance(value, Hashable) else repr(value)


def values_at(document: Document, path: str) -> list[object]:
    """Return the values an index sees at a dotted path.

    An array counts as each of its elements and as itself; a missing field counts as None.
    """
    if "." in path:
        found = [None if item is _MISSING else item for item in iter_key_candidates(path, document)]
    else:
        found = [document.get(path)]
    values: list[object] = []
    for item in found:
        if isinstance(item, list):
            values.extend(item)
            values.append(item)
        else:
            values.append(item)
    return values or [None]


def order_key(value: object, *, descending: bool = False) -> OrderKey:
    """Return a key that sorts values of any types as MongoDB does.

    Args:
        value: A BSON value.
        descending: An array stands for its largest element instead of its smallest.
    """
    if isinstance(value, list):
        keys = [order_key(item, descending=descending) for item in value]
        return (max(keys) if descending else min(keys)) if keys else (0,)
    for kind, rank in _RANKS:
        if isinstance(value, kind):
            return (rank, value)
    return _rare_key(value)


_RANKS: Final[tuple[tuple[Any, int], ...]] = (
    (bool, 8),
    (int, 2),
    (str, 3),
    (dt.datetime, 9),
    (ObjectId, 7),
)


def _rare_key(value: object) -> OrderKey:
    if value is None or value is _MISSING:
        return (1,)
    if isinstance(value, float):
        return (2, -math.inf) if math.isnan(value) else (2, value)
    if isinstance(value, dict):
        return (4, tuple((order_key(item), name) for name, item in value.items()))
    if isinstance(value, bytes):
        return (6, len(value), value)
    return (10, type(value).__name__, repr(value))


def sort_documents(documents: list[Document], sort: Sequence[tuple[str, int]]) -> list[Document]:
    """Return documents in the order asked for; equal ones keep their order.

    Args:
        documents: What to sort.
        sort: Paths with 1 (ascending) or -1 (descending), the first counts most.
    """
    for path, direction in reversed(sort):
        if path == "$natural":
            documents = documents if direction > 0 else documents[::-1]
            continue
        down = direction < 0
        documents = sorted(documents, key=_sorter(path, descending=down), reverse=down)
    return documents


def _sorter(path: str, *, descending: bool) -> Any:
    def key(document: Document) -> OrderKey:
        if "." not in path:
            return order_key(document.get(path), descending=descending)
        found = list(iter_key_candidates(path, document))
        value = found[0] if len(found) == 1 else found
        return order_key(value, descending=descending)

    return key
