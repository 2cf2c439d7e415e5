"""All databases of a server, and a record of every change to them.

Changes are recorded as what they did to documents, not as the commands that did it: object ids made
by the server, the current date and half-refused batches replay to exactly the same state.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import bson
from bson.raw_bson import RawBSONDocument

from sim_dispatcher.database.errors import CommandError
from sim_dispatcher.database.indexes import IndexSpec
from sim_dispatcher.database.table import Table
from sim_dispatcher.database.wire import CODEC, MAX_DOCUMENT_BYTES

__all__ = ["Catalog", "Effect", "difference", "index_spec"]

Document = dict[str, Any]

Effect = Document
"""One change: `o` (what), `d` (database), `c` (collection) and `v` (its value)."""

_NOTHING: Final = object()

_FORBIDDEN_IN_DATABASE: Final = frozenset('/\\. "$\0')


class Catalog:
    """The tables of a server, by database and collection."""

    def __init__(self) -> None:
        self._tables: dict[tuple[str, str], Table] = {}
        self._effects: list[Effect] = []

    def table(self, database: str, collection: str) -> Table:
        """Return a table to read from; an empty one that is not kept where there is none."""
        table = self._tables.get((database, collection))
        return Table(f"{database}.{collection}") if table is None else table

    def exists(self, database: str, collection: str) -> bool:
        """Tell whether a collection was created."""
        return (database, collection) in self._tables

    def databases(self) -> list[str]:
        """Return the names of all databases."""
        return sorted({database for database, _ in self._tables})

    def collections(self, database: str) -> list[str]:
        """Return the names of a database's collections."""
        return [name for owner, name in self._tables if owner == database]

    def create(self, database: str, collection: str) -> Table:
        """Return a table to write to, created where there was none."""
        table = self._tables.get((database, collection))
        if table is None:
            _check_names(database, collection)
            table = self._tables[database, collection] = Table(f"{database}.{collection}")
            self._record("create", database, collection)
        return table

    def put(self, database: str, collection: str, document: Document, *, new: bool = False) -> None:
        """Insert or replace a document; what is recorded of a replacement is the difference.

        Raises:
            CommandError: It is too large, or a unique key is taken; nothing was changed.
        """
        table = self.create(database, collection)
        old = None if new else table.get(document["_id"])
        patch = None if old is None else difference(old, document)
        raw = bson.encode(document if patch is None else patch, codec_options=CODEC)
        size = len(raw) + (0 if patch is None else table.size_of(document["_id"]))
        if size > MAX_DOCUMENT_BYTES:
            size = len(bson.encode(document, codec_options=CODEC))
        if size > MAX_DOCUMENT_BYTES:
            raise CommandError(10334, f"A document of {size} bytes exceeds 16 MiB.")
        table.put(document, size, new=new)
        what = "put" if patch is None else "patch"
        self._record(what, database, collection, RawBSONDocument(raw))

    def remove(self, database: str, collection: str, identifier: object) -> None:
        """Remove a document."""
        self.create(database, collection).remove(identifier)
        self._record("remove", database, collection, identifier)

    def add_index(self, database: str, collection: str, spec: IndexSpec) -> bool:
        """Make an index; return False where it existed."""
        made = self.create(database, collection).add_index(spec)
        if made:
            self._record("index", database, collection, spec.as_document())
        return made

    def drop_index(self, database: str, collection: str, name: str) -> None:
        """Drop an index.

        Raises:
            CommandError: There is none of that name.
        """
        if self.table(database, collection).indexes.pop(name, None) is None:
            raise CommandError(27, f"Index not found with name [{name}].")
        self._record("unindex", database, collection, name)

    def drop(self, database: str, collection: str) -> bool:
        """Drop a collection; return whether it existed."""
        if self._tables.pop((database, collection), None) is None:
            return False
        self._record("drop", database, collection)
        return True

    def rename(self, source: tuple[str, str], target: tuple[str, str]) -> None:
        """Give a collection another name, which must be free.

        Raises:
            CommandError: The source is missing or the target exists.
        """
        if source not in self._tables:
            raise CommandError(26, f"Collection {'.'.join(source)} does not exist.")
        if target in self._tables:
            raise CommandError(48, f"Collection {'.'.join(target)} exists.")
        _check_names(*target)
        table = self._tables.pop(source)
        table.namespace = ".".join(target)
        self._tables[target] = table
        self._record("rename", *source, list(target))

    def take_effects(self) -> list[Effect]:
        """Return the changes since the last call, for the journal."""
        effects, self._effects = self._effects, []
        return effects

    def replay(self, effect: Effect) -> None:
        """Make a recorded change again."""
        home, value = (effect["d"], effect["c"]), effect.get("v")
        match effect["o"]:
            case "put":
                self.put(*home, value or {})
            case "patch":
                self.put(*home, self._patched(home, value or {}))
            case "remove":
                self.remove(*home, value)
            case other:
                self._reshape(str(other), home, value)

    def _reshape(self, what: str, home: tuple[str, str], value: Any) -> None:
        """Make a recorded change of collections or indexes again."""
        match what:
            case "create":
                self.create(*home)
            case "drop":
                self.drop(*home)
            case "index":
                self.add_index(*home, index_spec(value))
            case "unindex":
                self.drop_index(*home, value)
            case "rename":
                self.rename(home, tuple(value))
            case _:
                raise CommandError(8, f"Unknown change {what} in the journal.")

    def snapshot(self) -> Iterator[Effect]:
        """Return the changes that make the present state out of nothing."""
        for (database, collection), table in self._tables.items():
            home = {"d": database, "c": collection}
            yield {"o": "create", **home}
            for document in table.documents.values():
                yield {"o": "put", **home, "v": document}
            for index in table.indexes.values():
                yield {"o": "index", **home, "v": index.spec.as_document()}

    def _patched(self, home: tuple[str, str], patch: Document) -> Document:
        old = self.table(*home).get(patch["_id"])
        if old is None:
            raise CommandError(8, "The journal changes a document that is not there.")
        kept = {name: value for name, value in old.items() if name not in patch["u"]}
        return {**kept, **patch["s"]}

    def _record(self, what: str, database: str, collection: str, value: object = None) -> None:
        effect = {"o": what, "d": database, "c": collection}
        self._effects.append(effect if value is None else {**effect, "v": value})


def difference(old: Document, new: Document) -> Document | None:
    """Return what turns one version of a document into the next.

    Updates copy only what they touch, so a field that is the same object is the same value.

    Args:
        old: The stored version.
        new: The next version.

    Returns:
        `s`, the fields to set, and `u`, those to remove; None where the order of the fields
        changes, too.
    """
    changed = {name: value for name, value in new.items() if old.get(name, _NOTHING) is not value}
    removed = [name for name in old if name not in new]
    order = [name for name in old if name in new] + [name for name in new if name not in old]
    if order != list(new):
        return None
    return {"_id": new["_id"], "s": changed, "u": removed}


def index_spec(document: Document) -> IndexSpec:
    """Read an index's description, as clients and the journal give it.

    Raises:
        CommandError: It asks for a kind of index that this server has not.
    """
    known = {"v", "key", "name", "unique", "sparse", "partialFilterExpression", "background", "ns"}
    alien = document.keys() - known
    if alien:
        raise CommandError(67, f"Index option {min(alien)} is not supported here.")
    fields = tuple((path, direction) for path, direction in document["key"].items())
    if not fields or any(direction not in (1, -1) for _, direction in fields):
        raise CommandError(67, f"Only rising and falling indexes are supported: {document['key']}.")
    return IndexSpec(
        name=document.get("name") or "_".join(f"{path}_{way}" for path, way in fields),
        fields=tuple((path, int(direction)) for path, direction in fields),
        unique=bool(document.get("unique")),
        sparse=bool(document.get("sparse")),
        partial=document.get("partialFilterExpression"),
    )


def _check_names(database: str, collection: str) -> None:
    if not 0 < len(database) < 64 or _FORBIDDEN_IN_DATABASE & set(database):
        raise CommandError(73, f"Invalid database name {database[:64]!r}.")
    bad = not collection or collection[0] == "." or "$" in collection or "\0" in collection
    if bad or len(collection) > 200:
        raise CommandError(73, f"Invalid collection name {collection[:200]!r}.")
