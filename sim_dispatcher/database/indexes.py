"""Indexes: which documents may match, found without looking at all of them.

An index never decides; it narrows, and the query language is applied to what is left. One index
serves three questions: who holds this value (hash), who holds a value in this range, and, for an
index on several fields, who holds this value of the first field, in the order of the second. The
last is how FireWorks checks out work: `state: READY` by falling priority. The ordered part is
built when first asked for and kept up from then on.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from mongomock.filtering import filter_applies

from sim_dispatcher.database.ordering import freeze, order_key, values_at

__all__ = ["Index", "IndexSpec"]

Document = dict[str, Any]
Key = Hashable
"""A document's frozen `_id`."""


@dataclass(frozen=True)
class IndexSpec:
    """An index as a client declared it."""

    name: str
    fields: tuple[tuple[str, int], ...]
    """Paths with their direction, 1 or -1."""
    unique: bool = False
    sparse: bool = False
    partial: Document | None = None
    """Only documents that match this filter are held."""

    def as_document(self) -> Document:
        """Return the description that `listIndexes` gives."""
        document: Document = {"v": 2, "key": dict(self.fields), "name": self.name}
        if self.unique:
            document["unique"] = True
        if self.sparse:
            document["sparse"] = True
        if self.partial is not None:
            document["partialFilterExpression"] = self.partial
        return document


class _Lane:
    """Documents in the order of one field; ties in the order of arrival."""

    def __init__(self) -> None:
        self.keys: list[tuple[Any, ...]] = []
        self.buckets: dict[tuple[Any, ...], dict[Key, None]] = {}

    def add(self, rank: tuple[Any, ...], key: Key) -> None:
        bucket = self.buckets.get(rank)
        if bucket is None:
            insort(self.keys, rank)
            bucket = self.buckets[rank] = {}
        bucket[key] = None

    def discard(self, rank: tuple[Any, ...], key: Key) -> None:
        bucket = self.buckets.get(rank)
        if bucket is None or key not in bucket:
            return
        del bucket[key]
        if not bucket:
            del self.buckets[rank]
            del self.keys[bisect_left(self.keys, rank)]

    def walk(self, *, descending: bool) -> Iterator[Key]:
        for rank in reversed(self.keys) if descending else self.keys:
            yield from self.buckets[rank]

    def after(self, rank: tuple[Any, ...]) -> Iterator[Key]:
        for later in self.keys[bisect_left(self.keys, rank) :]:
            if later[0] != rank[0]:
                return
            yield from self.buckets[later]


class Index:
    """One index over the documents of a table.

    Args:
        spec: What to index.
    """

    def __init__(self, spec: IndexSpec) -> None:
        self.spec = spec
        self._paths = tuple(path for path, _ in spec.fields)
        self._hash: dict[Hashable, dict[Key, None]] = {}
        self._lanes: dict[Hashable, _Lane] | None = None
        self._one_rank_each = True

    @property
    def first(self) -> str:
        """The first path, by which `holders` looks up."""
        return self._paths[0]

    @property
    def order_path(self) -> str:
        """The path that orders the documents which share a value of the first."""
        return self._paths[1] if len(self._paths) > 1 else self._paths[0]

    def entries(self, document: Document) -> list[Hashable]:
        """Return the keys under which the index holds a document."""
        spec = self.spec
        if spec.partial is not None and not filter_applies(spec.partial, document):
            return []
        paths = self._paths if spec.unique else self._paths[:1]
        each = [[freeze(value) for value in values_at(document, path)] for path in paths]
        if spec.sparse and all(values == [None] for values in each):
            return []
        return each[0] if len(paths) == 1 else list(product(*each))

    @property
    def looks_up(self) -> bool:
        """Whether `holders` knows every document of the table by its first path."""
        spec = self.spec
        several = spec.unique and len(spec.fields) > 1
        return not (spec.sparse or spec.partial is not None or several)

    def owner_of(self, entry: Hashable) -> Key | None:
        """Return a document that holds an entry, None where there is none."""
        return next(iter(self._hash.get(entry, ())), None)

    def add(self, key: Key, document: Document) -> None:
        """Take up a document."""
        for entry in self.entries(document):
            self._hash.setdefault(entry, {})[key] = None
        if self._lanes is not None:
            self._add_to_lanes(self._lanes, key, document)

    def discard(self, key: Key, document: Document) -> None:
        """Forget a document, given as it was when it was added."""
        for entry in self.entries(document):
            bucket = self._hash.get(entry)
            if bucket is not None:
                bucket.pop(key, None)
                if not bucket:
                    del self._hash[entry]
        if self._lanes is not None:
            rank = self._rank(document)
            for value in self._lane_values(document):
                self._lanes[value].discard(rank, key)

    def holders(self, value: object) -> Mapping[Key, None]:
        """Return the documents that may hold a value at the first path, in order of arrival."""
        return self._hash.get(freeze(value), {})

    def in_order(
        self, value: object, documents: Mapping[Key, Document], *, descending: bool
    ) -> Iterator[Key]:
        """Walk the documents with a value at the first path in the order of the second.

        Args:
            value: The value of the first path.
            documents: All documents of the table.
            descending: Largest first.
        """
        lane = self._built(documents).get(freeze(value))
        return iter(()) if lane is None else lane.walk(descending=descending)

    def beyond(self, bound: object, documents: Mapping[Key, Document]) -> Iterator[Key]:
        """Walk the documents whose value reaches a bound of the same type, in rising order.

        Args:
            bound: The lower bound, inclusive.
            documents: All documents of the table.
        """
        lane = self._built(documents).get(None)
        return iter(()) if lane is None else lane.after(order_key(bound))

    def can_order(self, documents: Mapping[Key, Document]) -> bool:
        """Tell whether the index holds every document, under one value of the ordering path."""
        if self.spec.sparse or self.spec.partial is not None:
            return False
        self._built(documents)
        return self._one_rank_each

    def _built(self, documents: Mapping[Key, Document]) -> dict[Hashable, _Lane]:
        if self._lanes is None:
            self._lanes = {}
            for key, document in documents.items():
                self._add_to_lanes(self._lanes, key, document)
        return self._lanes

    def _add_to_lanes(self, lanes: dict[Hashable, _Lane], key: Key, document: Document) -> None:
        rank = self._rank(document)
        for value in self._lane_values(document):
            lanes.setdefault(value, _Lane()).add(rank, key)

    def _lane_values(self, document: Document) -> set[Hashable]:
        """Return the lanes of a document: by its first value, or one lane for all."""
        if len(self._paths) == 1:
            return {None}
        return {freeze(value) for value in values_at(document, self._paths[0])}

    def _rank(self, document: Document) -> tuple[Any, ...]:
        values = values_at(document, self.order_path)
        if len(values) != 1:
            self._one_rank_each = False  # arrays sort by another element upwards than downwards
        return order_key(values[0])
