"""Which stored documents to look at for a query: few enough, and in order where an index can."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from bson import Regex

from sim_dispatcher.database.indexes import Index
from sim_dispatcher.database.ordering import freeze

__all__ = ["candidates"]

Document = dict[str, Any]
Documents = Mapping[Hashable, Document]
Sort = Sequence[tuple[str, int]]


def candidates(
    documents: Documents, indexes: Iterable[Index], query: Document, sort: Sort
) -> tuple[Iterable[Document], bool]:
    """Choose the documents to which a filter is then applied.

    Args:
        documents: All documents of the table, by frozen `_id`.
        indexes: Its indexes.
        query: The filter.
        sort: The order asked for.

    Returns:
        A superset of the matches, and whether it comes in that order.
    """
    if "_id" in query and _is_plain(query["_id"]):
        document = documents.get(freeze(query["_id"]))
        return ([] if document is None else [document]), True
    indexes = list(indexes)
    ordered = _in_order(documents, indexes, query, sort)
    if ordered is not None:
        return (documents[key] for key in ordered), True
    buckets = _fewest(len(documents), indexes, query)
    if buckets is None:
        return list(documents.values()), False
    keys = {key: None for bucket in buckets for key in bucket}
    return (documents[key] for key in keys), False


def _in_order(
    documents: Documents, indexes: Sequence[Index], query: Document, sort: Sort
) -> Iterator[Hashable] | None:
    """Walk the candidates in the order asked for, where an index can."""
    if len(sort) != 1:
        return None
    ((path, direction),) = sort
    for index in indexes:
        if index.order_path == path and index.can_order(documents):
            walk = _walk(index, documents, query.get(index.first, {}), direction)
            if walk is not None:
                return walk
    return None


def _walk(
    index: Index, documents: Documents, condition: object, direction: int
) -> Iterator[Hashable] | None:
    """Walk one index under a condition on its first path, if it can."""
    if len(index.spec.fields) > 1:
        if not _is_plain(condition):
            return None
        return index.in_order(condition, documents, descending=direction < 0)
    bound = _lower_bound(condition)
    return None if bound is None or direction < 0 else index.beyond(bound, documents)


def _fewest(
    size: int, indexes: Sequence[Index], query: Document
) -> list[Mapping[Hashable, None]] | None:
    """Return the candidates of the index that leaves fewest, None where none leaves out any."""
    best = None
    for index in indexes:
        wanted = _wanted(query[index.first]) if index.first in query and index.looks_up else None
        if wanted is None:
            continue
        buckets = [index.holders(value) for value in wanted]
        held = sum(map(len, buckets))
        if held < size:
            best, size = buckets, held
    return best


def _wanted(condition: object) -> list[object] | None:
    """Return the values that a condition allows, None where it is no list of them."""
    if _is_plain(condition):
        return [condition]
    values = condition.get("$in") if isinstance(condition, dict) else None
    return values if isinstance(values, list) and all(map(_is_plain, values)) else None


def _lower_bound(condition: object) -> float | None:
    """Return the number that a condition wants a field to exceed or reach, if that is all."""
    if isinstance(condition, dict) and len(condition) == 1:
        bound = condition.get("$gt", condition.get("$gte"))
        return bound if isinstance(bound, int | float) else None
    return None


def _is_plain(value: object) -> bool:
    """Tell a value that is compared for equality from an operator or a pattern."""
    return not isinstance(value, dict | list | Regex)
