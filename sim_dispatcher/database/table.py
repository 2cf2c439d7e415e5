"""A collection: its documents, its indexes, and the search through them.

Documents are never changed in place; a change puts a new document where the old one was. A reply
may therefore refer to stored documents, and a refused change leaves nothing half done.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import islice
from typing import Any, Final

from mongomock.filtering import filter_applies

from sim_dispatcher.database.errors import CommandError, DuplicateKeyError
from sim_dispatcher.database.indexes import Index, IndexSpec
from sim_dispatcher.database.ordering import freeze, sort_documents
from sim_dispatcher.database.planning import candidates

__all__ = ["ID_INDEX", "Table"]

Document = dict[str, Any]
Sort = Sequence[tuple[str, int]]

ID_INDEX: Final = "_id_"
"""The index every collection has."""


class Table:
    """The documents of one collection.

    Args:
        namespace: `database.collection`, for messages.
    """

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.documents: dict[Hashable, Document] = {}
        self.indexes: dict[str, Index] = {}
        self._sizes: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self.documents)

    def get(self, identifier: object) -> Document | None:
        """Return the stored document with an `_id`, None where there is none."""
        return self.documents.get(freeze(identifier))

    def size_of(self, identifier: object) -> int:
        """Return an upper bound of a stored document's size, bytes."""
        return self._sizes.get(freeze(identifier), 0)

    def put(self, document: Document, size: int = 0, *, new: bool = False) -> None:
        """Insert a document, or put it in the place of the one with its `_id`.

        Args:
            document: The document; it belongs to the table from now on.
            size: An upper bound of its size, bytes.
            new: Refuse it where its `_id` is taken.

        Raises:
            DuplicateKeyError: A unique key is taken; nothing was changed.
        """
        key = freeze(document["_id"])
        old = self.documents.get(key)
        if new and old is not None:
            raise DuplicateKeyError(self.namespace, ID_INDEX, document["_id"])
        for index in self.indexes.values():
            if index.spec.unique:
                self._check_unique(index, key, document)
        for index in self.indexes.values():
            if old is not None:
                index.discard(key, old)
            index.add(key, document)
        self.documents[key] = document
        self._sizes[key] = size

    def remove(self, identifier: object) -> None:
        """Remove the document with an `_id`, if there is one."""
        key = freeze(identifier)
        old = self.documents.pop(key, None)
        self._sizes.pop(key, None)
        if old is not None:
            for index in self.indexes.values():
                index.discard(key, old)

    def add_index(self, spec: IndexSpec) -> bool:
        """Make an index.

        Args:
            spec: What to index.

        Returns:
            False where the very same index existed.

        Raises:
            CommandError: Another index has the name, or the documents break its uniqueness.
        """
        existing = self.indexes.get(spec.name)
        if existing is not None:
            if existing.spec == spec:
                return False
            raise CommandError(85, f"Index {spec.name} exists with different options.")
        index = Index(spec)
        for key, document in self.documents.items():
            if spec.unique:
                self._check_unique(index, key, document)
            index.add(key, document)
        self.indexes[spec.name] = index
        return True

    def find(
        self, query: Document, sort: Sort = (), *, skip: int = 0, limit: int = 0
    ) -> list[Document]:
        """Return the stored documents that match, which must not be changed.

        Args:
            query: A filter in MongoDB's query language.
            sort: Paths with their direction; () for the natural order.
            skip: Matches to leave out at the start.
            limit: Largest number of matches; 0 for all.
        """
        if not self.documents:
            filter_applies(query, {})
        chosen, ordered = candidates(self.documents, self.indexes.values(), query, sort)
        matches = (document for document in chosen if filter_applies(query, document))
        stop = skip + limit if limit else None
        if ordered or not sort:
            return list(islice(matches, skip, stop))
        return sort_documents(list(matches), sort)[skip:stop]

    def find_one(self, query: Document, sort: Sort = ()) -> Document | None:
        """Return the first stored document that matches, None where none does."""
        return next(iter(self.find(query, sort, limit=1)), None)

    def _check_unique(self, index: Index, key: Hashable, document: Document) -> None:
        for entry in index.entries(document):
            owner = index.owner_of(entry)
            if owner is not None and owner != key:
                raise DuplicateKeyError(self.namespace, index.spec.name, entry)
