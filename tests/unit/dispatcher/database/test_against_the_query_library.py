"""The same operations on this server, with indexes, and on plain mongomock, without any.

The query library decides what matches on both sides; what is tested is everything around it: the
choice of candidates by index, orders, projections, updates done here, and the rebuilt state.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bson
import mongomock
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clock import SystemClock
from sim_dispatcher.database.catalog import Catalog
from sim_dispatcher.database.commands import Interpreter
from sim_dispatcher.database.journal import Journal

Document = dict[str, Any]

STATES = st.sampled_from(["READY", "RUNNING", "DONE", None])
NUMBERS = st.integers(0, 4)
VALUES = NUMBERS | STATES | st.lists(NUMBERS, max_size=3)
DOCUMENTS = st.fixed_dictionaries(
    {"state": STATES, "spec": st.fixed_dictionaries({}, optional={"p": NUMBERS, "q": VALUES})},
    optional={"nodes": st.lists(NUMBERS, max_size=3), "n": NUMBERS},
)
CONDITIONS = st.one_of(
    st.fixed_dictionaries({"state": STATES}),
    st.fixed_dictionaries({"nodes": NUMBERS}),
    st.fixed_dictionaries({"n": NUMBERS | st.none()}),
    st.fixed_dictionaries({"n": st.fixed_dictionaries({"$gt": NUMBERS})}),
    st.fixed_dictionaries({"n": st.fixed_dictionaries({"$gte": NUMBERS})}),
    st.fixed_dictionaries({"spec.p": NUMBERS}),
    st.fixed_dictionaries({"state": st.fixed_dictionaries({"$in": st.lists(STATES, min_size=1)})}),
    st.fixed_dictionaries({"spec.q": st.fixed_dictionaries({"$exists": st.booleans()})}),
)
FILTERS = st.one_of(
    st.just({}),
    CONDITIONS,
    st.tuples(CONDITIONS, CONDITIONS).map(lambda two: {**two[0], **two[1]}),
    st.tuples(CONDITIONS, CONDITIONS, STATES).map(
        lambda three: {"state": three[2], "$or": [three[0], three[1]]}
    ),
)
SORTS = st.sampled_from([{}, {"n": 1}, {"spec.p": -1}, {"spec.p": 1}, {"state": 1, "n": -1}])
UPDATES = st.one_of(
    st.fixed_dictionaries({"$set": st.fixed_dictionaries({"state": STATES})}),
    st.fixed_dictionaries({"$set": st.fixed_dictionaries({"spec.p": NUMBERS})}),
    st.fixed_dictionaries({"$inc": st.fixed_dictionaries({"n": NUMBERS})}),
    st.just({"$unset": {"spec.q": ""}}),
    st.fixed_dictionaries({"$max": st.fixed_dictionaries({"n": NUMBERS})}),
    st.fixed_dictionaries({"$push": st.fixed_dictionaries({"nodes": NUMBERS})}),
)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), DOCUMENTS),
        st.tuples(st.just("update"), FILTERS, UPDATES, st.booleans()),
        st.tuples(st.just("modify"), FILTERS, UPDATES),
        st.tuples(st.just("delete"), FILTERS, st.booleans()),
        st.tuples(st.just("find"), FILTERS, SORTS),
    ),
    max_size=25,
)


class Ours:
    """The server's interpreter with FireWorks' kinds of indexes, journal included."""

    def __init__(self, folder: Path | None = None) -> None:
        self.catalog = Catalog()
        self.journal = None if folder is None else Journal(folder, self.catalog.replay)
        self.interpreter = Interpreter(self.catalog, SystemClock())
        keys: list[dict[str, int]] = [{"state": 1}, {"nodes": 1}, {"n": 1}, {"spec.p": 1}]
        keys += [{"state": -1, "spec.p": -1}, {"state": -1, "n": -1}]
        names = ["".join(key) for key in keys]
        self.run(
            {
                "createIndexes": "t",
                "indexes": [{"key": k, "name": n} for k, n in zip(keys, names, strict=True)],
            }
        )

    def run(self, command: Document) -> Document:
        reply, effects = self.interpreter.run({**command, "$db": "db"})
        if self.journal is not None and effects:
            self.journal.append(effects)
        return reply

    def documents(self) -> list[Document]:
        return list(self.catalog.table("db", "t").documents.values())


def apply(ours: Ours, theirs: Any, number: int, operation: tuple[Any, ...]) -> None:
    kind, *arguments = operation
    match kind, arguments:
        case "insert", [document]:
            ours.run({"insert": "t", "documents": [{"_id": number, **document}]})
            theirs.insert_one({"_id": number, **document})
        case "update", [query, update, many]:
            statement = {"q": query, "u": update, "multi": many}
            ours.run({"update": "t", "updates": [statement], "ordered": True})
            (theirs.update_many if many else theirs.update_one)(query, update)
        case "modify", [query, update]:
            sort = {"_id": 1}
            reply = ours.run({"findAndModify": "t", "query": query, "update": update, "sort": sort})
            found = theirs.find_one_and_update(query, update, sort=[("_id", 1)])
            assert reply["value"] == found
        case "delete", [query, many]:
            ours.run({"delete": "t", "deletes": [{"q": query, "limit": 0 if many else 1}]})
            (theirs.delete_many if many else theirs.delete_one)(query)
        case "find", [query, sort]:
            reply = ours.run({"find": "t", "filter": query, "sort": sort, "batchSize": 10_000})
            found = [bson.decode(document.raw) for document in reply["cursor"]["firstBatch"]]
            assert_same_answer(found, list(theirs.find(query)), sort)


def assert_same_answer(found: list[Document], wanted: list[Document], sort: Document) -> None:
    assert sorted(found, key=lambda d: d["_id"]) == sorted(wanted, key=lambda d: d["_id"])
    for path, direction in list(sort.items())[:1]:
        values = [value_at(document, path) for document in found]
        ranks = [(value is not None, str(value)) for value in values]
        assert ranks == sorted(ranks, reverse=direction < 0)


def value_at(document: Document, path: str) -> Any:
    for step in path.split("."):
        document = document.get(step)  # type: ignore[assignment]  # ends in a value
        if document is None:
            return None
    return document


def one_document_ops_hit_the_first_in_id_order(operation: tuple[Any, ...]) -> bool:
    """Updates and deletes of one unsorted match may hit another one when an index is used."""
    many_at = {"update": 3, "delete": 2}.get(operation[0])
    return many_at is None or bool(operation[many_at])


@given(operations=OPERATIONS)
@settings(max_examples=60, deadline=None)
def test_answers_and_state_are_those_of_the_query_library(
    operations: list[tuple[Any, ...]],
) -> None:
    ours, theirs = Ours(), mongomock.MongoClient()["db"]["t"]
    for number, operation in enumerate(operations):
        if one_document_ops_hit_the_first_in_id_order(operation):
            apply(ours, theirs, number, operation)
    assert_same_answer(ours.documents(), list(theirs.find()), {})


@given(operations=OPERATIONS)
@settings(max_examples=12, deadline=None)
def test_the_journal_rebuilds_the_very_same_state(
    operations: list[tuple[Any, ...]], tmp_path_factory: Any
) -> None:
    folder = tmp_path_factory.mktemp("db")
    ours, theirs = Ours(folder), mongomock.MongoClient()["db"]["t"]
    for number, operation in enumerate(operations):
        if one_document_ops_hit_the_first_in_id_order(operation):
            apply(ours, theirs, number, operation)
    assert ours.journal is not None
    ours.journal.close()
    again = Catalog()
    Journal(folder, again.replay).close()
    table = again.table("db", "t")
    assert list(table.documents.values()) == ours.documents()
    assert list(table.indexes) == list(ours.catalog.table("db", "t").indexes)
