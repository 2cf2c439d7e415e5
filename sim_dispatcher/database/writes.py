"""The commands that change documents: insert, update, delete, findAndModify."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import bson
from bson import ObjectId

from sim_dispatcher.database.call import Call, Handler
from sim_dispatcher.database.errors import REFUSALS, CommandError, translate
from sim_dispatcher.database.projection import project
from sim_dispatcher.database.updates import updated, upserted
from sim_dispatcher.database.wire import CODEC

__all__ = ["WRITES"]

Document = dict[str, Any]


def insert(call: Call) -> Document:
    """Insert documents, each on its own; ordered inserts stop at the first refusal."""
    database, collection = call.database, call.collection

    def one(document: Document) -> int:
        whole = document if "_id" in document else {"_id": ObjectId(), **document}
        call.catalog.put(database, collection, whole, new=True)
        return 1

    return _each(call, "documents", one)


def delete(call: Call) -> Document:
    """Delete documents, one or all that match."""
    database, collection = call.database, call.collection

    def one(statement: Document) -> int:
        found = call.table.find(statement["q"], limit=int(statement.get("limit", 0)))
        for document in found:
            call.catalog.remove(database, collection, document["_id"])
        return len(found)

    return _each(call, "deletes", one)


def update(call: Call) -> Document:
    """Update documents, one or all that match; insert one where asked and none does."""
    changed = 0
    inserted: list[Document] = []

    def one(statement: Document) -> int:
        nonlocal changed
        _refuse_options(statement, "arrayFilters", "collation", "hint")
        query, change = statement["q"], statement["u"]
        found = call.table.find(query, limit=0 if statement.get("multi") else 1)
        for document in found:
            changed += _replace(call, document, updated(document, query, change))
        if found or not statement.get("upsert"):
            return len(found)
        new = upserted(query, change)
        call.catalog.put(call.database, call.collection, new, new=True)
        index = call.command["updates"].index(statement)
        inserted.append({"index": index, "_id": new["_id"]})
        return 1

    reply = _each(call, "updates", one)
    reply["nModified"] = changed
    if inserted:
        reply["upserted"] = inserted
    return reply


def find_and_modify(call: Call) -> Document:
    """Change or remove the first match, in one step, and return it as it was or as it is."""
    _refuse_options(call.command, "arrayFilters", "collation", "hint")
    query, sort = call.document("query"), tuple(call.document("sort").items())
    fields = call.document("fields")
    old = call.table.find_one(query, sort)
    if call.command.get("remove"):
        if old is not None:
            call.catalog.remove(call.database, call.collection, old["_id"])
        return _modified(old, fields, {"n": int(old is not None)})
    change = call.command.get("update")
    if not isinstance(change, dict | list):
        raise CommandError(9, "findAndModify needs either update or remove.")
    wants_new = bool(call.command.get("new"))
    if old is not None:
        new = updated(old, query, change)
        _replace(call, old, new)
        outcome = {"n": 1, "updatedExisting": True}
        return _modified(new if wants_new else old, fields, outcome)
    if not call.command.get("upsert"):
        return _modified(None, fields, {"n": 0, "updatedExisting": False})
    new = upserted(query, change)
    call.catalog.put(call.database, call.collection, new, new=True)
    outcome = {"n": 1, "updatedExisting": False, "upserted": new["_id"]}
    return _modified(new if wants_new else None, fields, outcome)


def _modified(document: Document | None, fields: Document, outcome: Document) -> Document:
    value = None if document is None else project(document, fields)
    return {"value": value, "lastErrorObject": outcome, "ok": 1.0}


def _replace(call: Call, old: Document, new: Document) -> int:
    """Put a changed document in its place; return whether it differs."""
    if new == old and bson.encode(new, codec_options=CODEC) == bson.encode(
        old, codec_options=CODEC
    ):
        return 0
    call.catalog.put(call.database, call.collection, new)
    return 1


def _each(call: Call, field: str, one: Callable[[Document], int]) -> Document:
    """Apply every statement of a write command, and collect what was refused."""
    done, refused = 0, []
    for index, statement in enumerate(call.documents(field)):
        try:
            done += one(statement)
        except REFUSALS as error:
            refusal = translate(error)
            entry = {"index": index, "code": refusal.number, "errmsg": refusal.message}
            refused.append(entry)
            if call.command.get("ordered", True):
                break
    reply: Document = {"n": done, "ok": 1.0}
    if refused:
        reply["writeErrors"] = refused
    return reply


def _refuse_options(document: Document, *names: str) -> None:
    for name in names:
        if document.get(name):
            raise CommandError(238, f"The option {name} is not supported here.")


WRITES: Final[dict[str, Handler]] = {
    "insert": insert,
    "delete": delete,
    "update": update,
    "findandmodify": find_and_modify,
}
"""Handlers by the command's name in lower case."""
