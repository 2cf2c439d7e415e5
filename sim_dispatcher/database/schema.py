"""The commands that shape databases: collections and indexes made, listed, renamed, dropped."""

from __future__ import annotations

from typing import Any, Final

from mongomock.filtering import filter_applies

from sim_dispatcher.database.call import Call, Handler
from sim_dispatcher.database.catalog import index_spec
from sim_dispatcher.database.errors import CommandError
from sim_dispatcher.database.table import ID_INDEX

__all__ = ["SCHEMA"]

Document = dict[str, Any]


def create(call: Call) -> Document:
    """Create a collection."""
    alien = [name for name in ("capped", "viewOn", "timeseries") if call.command.get(name)]
    if alien:
        raise CommandError(238, f"The option {alien[0]} of create is not supported here.")
    if call.catalog.exists(call.database, call.collection):
        raise CommandError(48, f"Collection {call.namespace} already exists.")
    call.catalog.create(call.database, call.collection)
    return {"ok": 1.0}


def drop(call: Call) -> Document:
    """Drop a collection; one that is not there is no error."""
    call.catalog.drop(call.database, call.collection)
    return {"ns": call.namespace, "ok": 1.0}


def drop_database(call: Call) -> Document:
    """Drop all collections of a database."""
    for name in call.catalog.collections(call.database):
        call.catalog.drop(call.database, name)
    return {"dropped": call.database, "ok": 1.0}


def rename_collection(call: Call) -> Document:
    """Rename a collection, given with its database on both sides."""
    source, target = call.text(call.name).partition("."), call.text("to").partition(".")
    if call.command.get("dropTarget"):
        call.catalog.drop(target[0], target[2])
    call.catalog.rename((source[0], source[2]), (target[0], target[2]))
    return {"ok": 1.0}


def create_indexes(call: Call) -> Document:
    """Make indexes; those that exist stay as they are."""
    created = not call.catalog.exists(call.database, call.collection)
    before = len(call.table.indexes) + 1
    for document in call.documents("indexes"):
        if list(document.get("key", {})) == ["_id"]:
            continue
        call.catalog.add_index(call.database, call.collection, index_spec(document))
    return {
        "numIndexesBefore": before,
        "numIndexesAfter": len(call.table.indexes) + 1,
        "createdCollectionAutomatically": created,
        "ok": 1.0,
    }


def list_indexes(call: Call) -> Document:
    """List the indexes of a collection, the one on `_id` first."""
    if not call.catalog.exists(call.database, call.collection):
        raise CommandError(26, f"Collection {call.namespace} does not exist.")
    own = [index.spec.as_document() for index in call.table.indexes.values()]
    first: Document = {"v": 2, "key": {"_id": 1}, "name": ID_INDEX}
    return call.cursors.first([first, *own], call.namespace, None, single=False)


def drop_indexes(call: Call) -> Document:
    """Drop one index by name or key, several, or all but the one on `_id`."""
    wanted = call.command.get("index")
    names = list(call.table.indexes)
    before = len(names) + 1
    if isinstance(wanted, dict):
        key = list(wanted.items())
        specs = [index.spec for index in call.table.indexes.values()]
        names = [spec.name for spec in specs if list(spec.fields) == key] or [str(wanted)]
    elif wanted != "*":
        names = [wanted] if isinstance(wanted, str) else list(wanted or [])
    for name in names:
        call.catalog.drop_index(call.database, call.collection, name)
    return {"nIndexesWas": before, "ok": 1.0}


def list_collections(call: Call) -> Document:
    """List the collections of a database."""
    names = call.catalog.collections(call.database)
    listed: list[Document] = [{"name": name, "type": "collection"} for name in names]
    query = call.document("filter")
    shown = [entry for entry in listed if filter_applies(query, entry)]
    if not call.command.get("nameOnly"):
        shown = [{**entry, "options": {}, "info": {"readOnly": False}} for entry in shown]
    namespace = f"{call.database}.$cmd.listCollections"
    return call.cursors.first(shown, namespace, None, single=False)


def list_databases(call: Call) -> Document:
    """List all databases."""
    names = call.catalog.databases()
    entries = [{"name": name, "sizeOnDisk": 0, "empty": False} for name in names]
    return {"databases": entries, "totalSize": 0, "ok": 1.0}


SCHEMA: Final[dict[str, Handler]] = {
    "create": create,
    "drop": drop,
    "dropdatabase": drop_database,
    "renamecollection": rename_collection,
    "createindexes": create_indexes,
    "listindexes": list_indexes,
    "dropindexes": drop_indexes,
    "deleteindexes": drop_indexes,
    "listcollections": list_collections,
    "listdatabases": list_databases,
}
"""Handlers by the command's name in lower case."""
