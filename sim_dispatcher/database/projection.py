"""The part of a document that a reader asked for."""

from __future__ import annotations

import copy
from typing import Any

import mongomock

__all__ = ["is_simple", "project"]

Document = dict[str, Any]


def is_simple(fields: Document) -> bool:
    """Tell a list of fields to show or to hide from one with operators or expressions."""
    return all(isinstance(value, bool | int | float) for value in fields.values())


def project(document: Document, fields: Document | None) -> Document:
    """Return the fields of a document that were asked for.

    Args:
        document: A stored document, which stays as it is.
        fields: Dotted paths with a true value (show these alone; `_id` comes unless hidden), or
            with a false value (hide these); or, beside them, `$slice` and `$elemMatch`.
    """
    if not fields:
        return document
    if not is_simple(fields):
        return _by_library(document, fields)
    listed = {path: bool(value) for path, value in fields.items() if path != "_id"}
    show_id = bool(fields.get("_id", True))
    showing = any(listed.values()) or (not listed and bool(fields.get("_id")))
    tree = _tree([path for path, value in listed.items() if value == showing])
    result = _shown(document, tree) if showing else _hidden(document, tree)
    result.pop("_id", None)
    return {"_id": document["_id"], **result} if show_id and "_id" in document else result


def _tree(paths: list[str]) -> Document:
    """Return paths as nested dictionaries; a leaf is an empty one."""
    root: Document = {}
    for path in paths:
        node = root
        for step in path.split("."):
            node = node.setdefault(step, {})
    return root


def _shown(node: Document, tree: Document) -> Document:
    result: Document = {}
    for name, value in node.items():
        branch = tree.get(name)
        if branch is None:
            continue
        if not branch:
            result[name] = value
        elif isinstance(value, dict):
            result[name] = _shown(value, branch)
        elif isinstance(value, list):
            result[name] = [_shown(item, branch) for item in value if isinstance(item, dict)]
    return result


def _hidden(node: Document, tree: Document) -> Document:
    result: Document = {}
    for name, value in node.items():
        branch = tree.get(name)
        if branch is None:
            result[name] = value
        elif not branch:
            continue
        elif isinstance(value, dict):
            result[name] = _hidden(value, branch)
        elif isinstance(value, list):
            result[name] = [_hidden(i, branch) if isinstance(i, dict) else i for i in value]
        else:
            result[name] = value
    return result


def _by_library(document: Document, fields: Document) -> Document:
    scratch: Any = mongomock.MongoClient()["scratch"]["scratch"]
    scratch.insert_one(copy.deepcopy(document))
    result: Document = scratch.find_one({}, fields)
    return result
