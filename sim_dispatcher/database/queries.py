"""The commands that read documents: find, getMore, killCursors, aggregate, count, distinct."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final

from mongomock.aggregate import process_pipeline

from sim_dispatcher.database.call import Call, Handler
from sim_dispatcher.database.catalog import Catalog
from sim_dispatcher.database.errors import CommandError
from sim_dispatcher.database.ordering import freeze, sort_documents, values_at
from sim_dispatcher.database.projection import is_simple, project

__all__ = ["QUERIES"]

Document = dict[str, Any]

_REFUSED_STAGES: Final = frozenset({"$out", "$merge", "$changeStream", "$collStats", "$indexStats"})


def find(call: Call) -> Document:
    """Return the documents that match, as a cursor."""
    limit = abs(call.number("limit") or 0)
    found = call.table.find(
        call.document("filter"),
        tuple(call.document("sort").items()),
        skip=call.number("skip") or 0,
        limit=limit,
    )
    fields = call.document("projection")
    shown = [project(document, fields) for document in found] if fields else found
    single = bool(call.command.get("singleBatch"))
    return call.cursors.first(shown, call.namespace, call.number("batchSize"), single=single)


def get_more(call: Call) -> Document:
    """Return the next batch of a cursor."""
    return call.cursors.more(call.number(call.name) or 0, call.number("batchSize"))


def kill_cursors(call: Call) -> Document:
    """Close cursors."""
    wanted = call.command.get("cursors")
    if not isinstance(wanted, list):
        raise CommandError(14, "killCursors needs a list of cursors.")
    killed = call.cursors.kill(wanted)
    unknown = [one for one in wanted if one not in killed]
    rest: Document = {"cursorsAlive": [], "cursorsUnknown": [], "ok": 1.0}
    return {"cursorsKilled": killed, "cursorsNotFound": unknown, **rest}


def count(call: Call) -> Document:
    """Return how many documents match."""
    limit = abs(call.number("limit") or 0)
    skip = call.number("skip") or 0
    query = call.document("query")
    if not query:
        number = max(len(call.table) - skip, 0)
        return {"n": min(number, limit) if limit else number, "ok": 1.0}
    return {"n": len(call.table.find(query, skip=skip, limit=limit)), "ok": 1.0}


def distinct(call: Call) -> Document:
    """Return the different values at a path; the elements of arrays count one by one."""
    path = call.text("key")
    values: dict[Any, object] = {}
    for document in call.table.find(call.document("query")):
        for value in values_at(document, path):
            if value is not None and not isinstance(value, list):
                values.setdefault(freeze(value), value)
    return {"values": list(values.values()), "ok": 1.0}


def aggregate(call: Call) -> Document:
    """Run a pipeline; its plain leading stages use the indexes."""
    pipeline = call.documents("pipeline")
    for stage in pipeline:
        if len(stage) != 1:
            raise CommandError(40323, "A pipeline stage must have exactly one field.")
        _refuse_stages(stage)
    documents, rest = _lead(call, pipeline)
    if _is_count(rest):
        number = len(documents)
        documents = [{"_id": rest[0]["$group"]["_id"], "n": number}] if number else []
    elif rest:
        view = _View(call.catalog, call.database)
        documents = list(process_pipeline(copy.deepcopy(documents), view, rest, None))
    size = call.document("cursor").get("batchSize")
    return call.cursors.first(documents, call.namespace, size, single=False)


def _lead(call: Call, pipeline: Sequence[Document]) -> tuple[list[Document], list[Document]]:
    """Run the stages at the start that need no expressions; return the results and the rest."""
    rest = list(pipeline)
    query: Document = rest.pop(0)["$match"] if rest and "$match" in rest[0] else {}
    documents = call.table.find(query)
    while rest:
        ((stage, value),) = rest[0].items()
        if stage == "$project" and is_simple(value):
            documents = [project(document, value) for document in documents]
        elif stage == "$sort":
            documents = sort_documents(documents, tuple(value.items()))
        elif stage == "$skip":
            documents = documents[int(value) :]
        elif stage == "$limit":
            documents = documents[: int(value)]
        else:
            break
        rest.pop(0)
    return documents, rest


def _is_count(rest: Sequence[Document]) -> bool:
    """Recognise how drivers count documents, which needs no copy of them."""
    if len(rest) != 1 or "$group" not in rest[0]:
        return False
    group = rest[0]["$group"]
    return isinstance(group, dict) and group == {"_id": 1, "n": {"$sum": 1}}


def _refuse_stages(node: object) -> None:
    """Refuse stages that would write behind the journal, however deep they are nested."""
    if isinstance(node, dict):
        alien = _REFUSED_STAGES & node.keys()
        if alien:
            raise CommandError(238, f"The stage {min(alien)} is not supported here.")
        for value in node.values():
            _refuse_stages(value)
    elif isinstance(node, list):
        for value in node:
            _refuse_stages(value)


class _View:
    """The database as `$lookup` sees it: collections to be searched."""

    def __init__(self, catalog: Catalog, database: str) -> None:
        self._catalog = catalog
        self._database = database

    def get_collection(self, name: str) -> _CollectionView:
        return _CollectionView(self._catalog, self._database, name)


class _CollectionView:
    def __init__(self, catalog: Catalog, database: str, name: str) -> None:
        self._table = catalog.table(database, name)

    def find(self, query: Document | None = None) -> list[Document]:
        return copy.deepcopy(self._table.find(query or {}))


QUERIES: Final[dict[str, Handler]] = {
    "find": find,
    "getmore": get_more,
    "killcursors": kill_cursors,
    "aggregate": aggregate,
    "count": count,
    "distinct": distinct,
}
"""Handlers by the command's name in lower case."""
