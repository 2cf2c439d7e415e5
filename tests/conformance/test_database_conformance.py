"""The conformance suite passes our server and catches every fault it was written for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from shared.errors import DatabaseError
from sim_dispatcher.database.call import Call, Handler
from sim_dispatcher.database.commands import COMMANDS
from sim_dispatcher.database.conformance import CHECKS, check_server, require_conformance
from sim_dispatcher.database.errors import CommandError
from sim_dispatcher.database.hosting import hosted

Document = dict[str, Any]
Fault = Callable[[], dict[str, Handler]]


def with_command(call: Call, **changes: Any) -> Call:
    command = {**copy.deepcopy(call.command), **changes}
    return Call(call.name, command, call.catalog, call.cursors, call.clock)


def index_with_id_breaks_inserts() -> dict[str, Handler]:
    """Bug 1 of nx-27017: accepted, then every insert fails."""

    def insert(call: Call) -> Document:
        for index in call.table.indexes.values():
            if len(index.spec.fields) > 1 and "_id" in dict(index.spec.fields):
                raise CommandError(1, "JSON path error near '_id'")
        return COMMANDS["insert"](call)

    return {"insert": insert}


def indexed_arrays_match_nothing() -> dict[str, Handler]:
    """Bug 2: equality on an array field returns nothing once the field is indexed."""

    def find(call: Call) -> Document:
        indexed = {index.first for index in call.table.indexes.values()}
        for path in indexed & call.document("filter").keys():
            if any(isinstance(d.get(path), list) for d in call.table.documents.values()):
                return call.cursors.first([], call.namespace, None, single=True)
        return COMMANDS["find"](call)

    return {"find": find}


def modify_forgets_all_but_or() -> dict[str, Handler]:
    """Bug 3, the silent one: a top-level `$or` makes findAndModify ignore its neighbours."""

    def find_and_modify(call: Call) -> Document:
        query = call.document("query")
        if "$or" in query:
            call = with_command(call, query={"$or": query["$or"]})
        return COMMANDS["findandmodify"](call)

    return {"findandmodify": find_and_modify}


def underscores_are_operators() -> dict[str, Handler]:
    """Bug 4: names that begin with an underscore are taken for operators."""

    def find(call: Call) -> Document:
        for value in call.document("filter").values():
            if isinstance(value, dict) and any(name.startswith("_") for name in value):
                raise CommandError(2, "Operator '_dupefinder' is not a valid query operation")
        return COMMANDS["find"](call)

    return {"find": find}


def projections_are_flat() -> dict[str, Handler]:
    """Bug 5: a dotted projection returns the flat name."""

    def find(call: Call) -> Document:
        fields = call.document("projection")
        if not any("." in path for path in fields):
            return COMMANDS["find"](call)
        flat = []
        for document in call.table.find(call.document("filter")):
            shown = {"_id": document["_id"]}
            for path in fields:
                parent, _, name = path.partition(".")
                shown[path] = document[parent][name]
            flat.append(shown)
        return call.cursors.first(flat, call.namespace, None, single=True)

    return {"find": find}


def unique_is_not_checked() -> dict[str, Handler]:
    def create_indexes(call: Call) -> Document:
        indexes = [{**index, "unique": False} for index in call.documents("indexes")]
        return COMMANDS["createindexes"](with_command(call, indexes=indexes))

    return {"createindexes": create_indexes}


def counters_hand_out_old_numbers() -> dict[str, Handler]:
    seen = iter(range(10_000))

    def find_and_modify(call: Call) -> Document:
        if next(seen) % 5 == 3 and "$inc" in call.document("update"):
            document = call.table.find_one(call.document("query"))
            return {"value": document, "lastErrorObject": {"n": 1}, "ok": 1.0}
        return COMMANDS["findandmodify"](call)

    return {"findandmodify": find_and_modify}


def checkouts_ignore_priority() -> dict[str, Handler]:
    def find_and_modify(call: Call) -> Document:
        return COMMANDS["findandmodify"](with_command(call, sort=None))

    return {"findandmodify": find_and_modify}


def updates_ignore_the_token() -> dict[str, Handler]:
    def update(call: Call) -> Document:
        updates = call.command["updates"]
        for statement in updates:
            statement["q"].pop("token", None)
        return COMMANDS["update"](call)

    return {"update": update}


def blobs_lose_a_chunk() -> dict[str, Handler]:
    def insert(call: Call) -> Document:
        kept = [d for d in call.documents("documents") if d.get("n") != 1 or "files_id" not in d]
        reply = COMMANDS["insert"](with_command(call, documents=kept))
        return {**reply, "n": len(call.documents("documents"))}

    return {"insert": insert}


def lookups_find_nothing() -> dict[str, Handler]:
    def aggregate(call: Call) -> Document:
        pipeline = [
            {"$match": {"_id": None}} if "$lookup" in stage else stage
            for stage in call.documents("pipeline")
        ]
        return COMMANDS["aggregate"](with_command(call, pipeline=pipeline))

    return {"aggregate": aggregate}


FAULTS: dict[str, Fault] = {
    "compound index with _id": index_with_id_breaks_inserts,
    "equality on an indexed array": indexed_arrays_match_nothing,
    "findAndModify with $or": modify_forgets_all_but_or,
    "equality with an embedded document": underscores_are_operators,
    "dotted projection": projections_are_flat,
    "duplicate keys": unique_is_not_checked,
    "atomic counter": counters_hand_out_old_numbers,
    "atomic checkout": checkouts_ignore_priority,
    "compare and set": updates_ignore_the_token,
    "large blob": blobs_lose_a_chunk,
    "lookup pipeline": lookups_find_nothing,
}


def test_our_server_passes_and_keeps_nothing_of_the_scratch_database(tmp_path: Path) -> None:
    with hosted(tmp_path / "db") as uri, MongoClient[Document](uri) as client:
        assert check_server(client) == []
        assert client.list_database_names() == []


def test_a_good_verdict_is_kept_and_not_asked_for_again(tmp_path: Path) -> None:
    calls: list[str] = []

    def find_and_modify(call: Call) -> Document:
        calls.append(call.database)
        return COMMANDS["findandmodify"](call)

    table = {**COMMANDS, "findandmodify": find_and_modify}
    with hosted(tmp_path / "db", table) as uri, MongoClient[Document](uri) as client:
        require_conformance(client, "fw")
        asked = len(calls)
        require_conformance(client, "fw")
    assert asked > 0
    assert len(calls) == asked


def test_every_check_has_a_fault_that_it_catches() -> None:
    assert FAULTS.keys() == CHECKS.keys()


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught_and_named(tmp_path: Path, name: str) -> None:
    table = {**COMMANDS, **FAULTS[name]()}
    with hosted(tmp_path / "db", table) as uri, MongoClient[Document](uri) as client:
        assert any(failed.startswith(name) for failed in check_server(client))
        with pytest.raises(DatabaseError, match="would mislaunch") as refusal:
            require_conformance(client, "fw")
    assert name.replace("$", "") in refusal.value.message.replace("$", "")


def test_a_server_that_is_away_is_said_to_be_away(tmp_path: Path) -> None:
    uri = f"mongodb://{str(tmp_path / 'no.sock').replace('/', '%2F')}"
    with (
        MongoClient[Document](uri, serverSelectionTimeoutMS=50) as client,
        pytest.raises(DatabaseError, match="does not answer"),
    ):
        require_conformance(client, "fw")
