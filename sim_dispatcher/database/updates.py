"""What an update makes of a document.

The plain operators on plain paths, which are nearly all that FireWorks and the ledger use, are done
here on a copy of what they touch. Everything else is left to the query library, on a scratch
collection that holds a copy of the one document; a refused update therefore changes nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final, TypeGuard

import mongomock
from bson import ObjectId

from sim_dispatcher.database.errors import CommandError
from sim_dispatcher.database.ordering import freeze, order_key

__all__ = ["is_replacement", "updated", "upserted"]

Document = dict[str, Any]
_Change = Callable[[Document, str, Any], None]

Update = Document | list[Any]
"""A replacement, a document of operators, or a pipeline."""


def is_replacement(update: Update) -> TypeGuard[Document]:
    """Tell a whole new document from operators."""
    return isinstance(update, dict) and not any(name.startswith("$") for name in update)


def updated(document: Document, query: Document, update: Update) -> Document:
    """Return what an update makes of a document, which stays as it is.

    Args:
        document: The stored document, matched by the query.
        query: The filter; positional operators refer to it.
        update: What to do.

    Raises:
        CommandError: The update would change the `_id`, or is malformed.
    """
    if is_replacement(update):
        result = {"_id": document["_id"], **update}
    elif isinstance(update, dict) and _is_plain(document, update):
        result = _applied(document, update)
    else:
        result = _by_library(document, query, update)
    if freeze(result.get("_id")) != freeze(document["_id"]):
        raise CommandError(66, "Performing an update on the path '_id' would modify it.")
    return result


def upserted(query: Document, update: Update) -> Document:
    """Return the document that an upsert inserts when nothing matches.

    Args:
        query: The filter, whose equalities the document starts from.
        update: What to do.
    """
    if is_replacement(update):
        identifier = update.get("_id", query.get("_id"))
        chosen = ObjectId() if identifier is None or isinstance(identifier, dict) else identifier
        return {"_id": chosen, **update}
    scratch = _scratch()
    scratch.update_one(query, update, upsert=True)
    document: Document = scratch.find_one()
    return document


def _is_plain(document: Document, update: Document) -> bool:
    for operator, changes in update.items():
        if operator not in _CHANGES or not isinstance(changes, dict) or not changes:
            return False
        if not all(_is_plain_path(document, path) for path in changes):
            return False
    paths = [path for changes in update.values() for path in changes]
    return len(paths) == 1 or not _overlap(paths)


def _is_plain_path(document: Document, path: str) -> bool:
    """Tell whether every step of a path is a document, so that no array position is meant."""
    if "$" in path or not path or path == "_id":
        return False
    node: Any = document
    for step in path.split(".")[:-1]:
        if not step or not isinstance(node, dict):
            return False
        node = node.get(step, {})
    return isinstance(node, dict)


def _overlap(paths: list[str]) -> bool:
    """Tell whether one path is another or lies within it."""
    ordered = sorted(path + "." for path in paths)
    return any(longer.startswith(shorter) for shorter, longer in pairwise(ordered))


def _applied(document: Document, update: Document) -> Document:
    result = dict(document)
    for operator, changes in update.items():
        for path, value in changes.items():
            *steps, name = path.split(".")
            if operator == "$unset" and not _has(result, steps):
                continue
            node = result
            for step in steps:
                node[step] = dict(node.get(step, {}))
                node = node[step]
            _CHANGES[operator](node, name, value)
    return result


def _has(node: Any, steps: list[str]) -> bool:
    for step in steps:
        if step not in node:
            return False
        node = node[step]
    return True


def _set(node: Document, name: str, value: Any) -> None:
    node[name] = value


def _unset(node: Document, name: str, value: Any) -> None:
    del value
    node.pop(name, None)


def _increment(node: Document, name: str, value: Any) -> None:
    old = node.get(name, 0)
    if any(isinstance(item, bool) or not isinstance(item, int | float) for item in (old, value)):
        raise CommandError(14, f"Cannot apply $inc to the field {name} of another type.")
    node[name] = old + value


def _maximise(node: Document, name: str, value: Any) -> None:
    if name not in node or order_key(value) > order_key(node[name]):
        node[name] = value


def _leave(node: Document, name: str, value: Any) -> None:
    """`$setOnInsert` on a document that exists."""
    del node, name, value


_CHANGES: Final[dict[str, _Change]] = {
    "$set": _set,
    "$unset": _unset,
    "$inc": _increment,
    "$max": _maximise,
    "$setOnInsert": _leave,
}


def _by_library(document: Document, query: Document, update: Update) -> Document:
    scratch = _scratch()
    scratch.insert_one(copy.deepcopy(document))
    result = scratch.update_one(query, update)
    if result.matched_count != 1:
        raise CommandError(2, "The update does not apply to the document that it matched.")
    changed: Document = scratch.find_one()
    return changed


def _scratch() -> Any:
    return mongomock.MongoClient()["scratch"]["scratch"]
