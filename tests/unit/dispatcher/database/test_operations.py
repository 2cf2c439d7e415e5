"""What plain pymongo sees of the server."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import gridfs
import pytest
from bson import Int64, ObjectId
from pymongo import ASCENDING, DESCENDING, MongoClient, ReturnDocument
from pymongo.errors import (
    BulkWriteError,
    DocumentTooLarge,
    DuplicateKeyError,
    OperationFailure,
    WriteError,
)

Client = MongoClient[dict[str, Any]]


def test_documents_come_back_as_they_went_in(client: Client) -> None:
    document = {
        "_id": ObjectId(),
        "text": "Å",
        "long": Int64(2**40),
        "real": 1.5,
        "when": dt.datetime.fromisoformat("2026-01-02T03:04:05.678"),
        "bytes": b"\0\1",
        "nested": {"list": [1, [2, {"a": None}]]},
    }
    client.db.t.insert_one(document)
    assert client.db.t.find_one() == document


def test_the_server_chooses_an_id_where_the_client_names_none(client: Client) -> None:
    client.db.command({"insert": "t", "documents": [{"x": 1}]})
    found = client.db.t.find_one({"x": 1})
    assert found is not None
    assert isinstance(found["_id"], ObjectId)


def test_long_results_come_in_batches(client: Client) -> None:
    client.db.t.insert_many({"_id": number} for number in range(1000))
    assert [found["_id"] for found in client.db.t.find(batch_size=33)] == list(range(1000))
    assert len(list(client.db.t.find())) == 1000


def test_a_batch_stays_below_the_message_limit(client: Client) -> None:
    blob = b"x" * 5_000_000
    client.db.t.insert_many({"_id": number, "blob": blob} for number in range(5))
    assert sum(len(found["blob"]) for found in client.db.t.find()) == 25_000_000


def test_closing_a_cursor_frees_it(client: Client) -> None:
    client.db.t.insert_many({"_id": number} for number in range(300))
    cursor = client.db.t.find(batch_size=10)
    next(cursor)
    identifier = cursor.cursor_id
    cursor.close()
    with pytest.raises(OperationFailure, match="is not open"):
        client.db.command({"getMore": Int64(identifier or 0), "collection": "t"})


def test_an_ordered_batch_stops_at_the_first_refusal_and_an_unordered_goes_on(
    client: Client,
) -> None:
    documents = [{"_id": 1}, {"_id": 1}, {"_id": 2}]
    with pytest.raises(BulkWriteError) as stopped:
        client.db.ordered.insert_many([dict(document) for document in documents])
    assert stopped.value.details["nInserted"] == 1
    with pytest.raises(BulkWriteError) as went_on:
        client.db.free.insert_many([dict(document) for document in documents], ordered=False)
    assert went_on.value.details["nInserted"] == 2


def test_unique_indexes_hold_for_inserts_updates_and_replacements(client: Client) -> None:
    table = client.db.t
    table.create_index([("a", ASCENDING), ("b", ASCENDING)], unique=True)
    table.insert_many([{"_id": 1, "a": 1, "b": 1}, {"_id": 2, "a": 1, "b": 2}])
    with pytest.raises(DuplicateKeyError):
        table.insert_one({"a": 1, "b": 2})
    with pytest.raises(DuplicateKeyError):
        table.update_one({"_id": 2}, {"$set": {"b": 1}})
    with pytest.raises(DuplicateKeyError):
        table.find_one_and_replace({"_id": 2}, {"a": 1, "b": 1})
    assert table.find_one({"_id": 2}) == {"_id": 2, "a": 1, "b": 2}


def test_a_unique_index_is_refused_on_documents_that_break_it(client: Client) -> None:
    client.db.t.insert_many([{"x": 1}, {"x": 1}])
    with pytest.raises(DuplicateKeyError):
        client.db.t.create_index("x", unique=True)
    assert list(client.db.t.index_information()) == ["_id_"]


def test_a_sparse_unique_index_lets_documents_without_the_field_be(client: Client) -> None:
    client.db.t.create_index("x", unique=True, sparse=True)
    client.db.t.insert_many([{"y": 1}, {"y": 2}, {"x": 1}])
    with pytest.raises(DuplicateKeyError):
        client.db.t.insert_one({"x": 1})


def test_a_refused_update_changes_nothing_of_the_document(client: Client) -> None:
    client.db.t.insert_one({"_id": 1, "n": 1, "text": "a"})
    with pytest.raises(WriteError):
        client.db.t.update_one({"_id": 1}, {"$inc": {"n": 1, "text": 1}})
    assert client.db.t.find_one() == {"_id": 1, "n": 1, "text": "a"}


def test_an_id_cannot_be_changed(client: Client) -> None:
    client.db.t.insert_one({"_id": 1})
    with pytest.raises(OperationFailure, match="_id"):
        client.db.t.update_one({"_id": 1}, {"$set": {"_id": 2}})


def test_upserts_insert_once_and_update_afterwards(client: Client) -> None:
    table = client.db.t
    first = table.update_one({"k": 1}, {"$inc": {"n": 1}, "$setOnInsert": {"new": 1}}, upsert=True)
    second = table.update_one({"k": 1}, {"$inc": {"n": 1}, "$setOnInsert": {"new": 2}}, upsert=True)
    assert first.upserted_id is not None
    assert second.upserted_id is None
    assert table.find_one({}, {"_id": 0}) == {"k": 1, "n": 2, "new": 1}


def test_find_and_modify_returns_before_or_after(client: Client) -> None:
    table = client.db.t
    table.insert_many([{"_id": 1, "n": 1}, {"_id": 2, "n": 2}])
    change = {"$set": {"n": 9}}
    before = table.find_one_and_update({}, change, sort=[("n", DESCENDING)])
    after = table.find_one_and_update(
        {"_id": 1}, change, projection={"_id": 0}, return_document=ReturnDocument.AFTER
    )
    assert (before, after) == ({"_id": 2, "n": 2}, {"n": 9})
    assert table.find_one_and_delete({"_id": 1}) == {"_id": 1, "n": 9}
    assert table.find_one_and_update({"_id": 1}, change) is None


def test_array_operators_are_left_to_the_query_library_and_still_work(client: Client) -> None:
    table = client.db.t
    table.insert_one({"_id": 1, "a": [1, 2, 3], "l": [{"k": 1}, {"k": 2}]})
    table.update_one({"_id": 1}, {"$push": {"a": {"$each": [4, 5], "$slice": -3}}})
    table.update_one({"l.k": 2}, {"$set": {"l.$.k": 7}})
    assert table.find_one() == {"_id": 1, "a": [3, 4, 5], "l": [{"k": 1}, {"k": 7}]}


def test_removing_a_field_that_is_not_there_makes_no_parents(client: Client) -> None:
    client.db.t.insert_one({"_id": 1})
    client.db.t.update_one({"_id": 1}, {"$unset": {"a.b": ""}})
    assert client.db.t.find_one() == {"_id": 1}


def test_projections_show_hide_and_reach_into_lists(client: Client) -> None:
    table = client.db.t
    table.insert_one({"_id": 1, "a": {"b": 1, "c": 2}, "l": [{"x": 1, "y": 2}, 3], "z": 0})
    assert table.find_one({}, {"a.b": 1, "_id": 0}) == {"a": {"b": 1}}
    assert table.find_one({}, {"l.x": 1, "_id": 0}) == {"l": [{"x": 1}]}
    assert table.find_one({}, {"a.c": 0, "l": 0}) == {"_id": 1, "a": {"b": 1}, "z": 0}
    assert table.find_one({}, ["z"]) == {"_id": 1, "z": 0}
    assert table.find_one({}, {"l": {"$slice": 1}, "a": 0})["l"] == [{"x": 1, "y": 2}]  # type: ignore[index]  # it is there


def test_pipelines_group_sort_and_join(client: Client) -> None:
    client.db.t.insert_many({"_id": n, "kind": "ab"[n % 2], "n": n} for n in range(10))
    stages: list[dict[str, Any]] = [
        {"$match": {"n": {"$gte": 2}}},
        {"$group": {"_id": "$kind", "total": {"$sum": "$n"}}},
        {"$sort": {"_id": 1}},
    ]
    assert list(client.db.t.aggregate(stages)) == [
        {"_id": "a", "total": 20},
        {"_id": "b", "total": 24},
    ]
    assert client.db.t.count_documents({"kind": "a"}) == 5
    assert client.db.t.estimated_document_count() == 10
    assert sorted(client.db.t.distinct("kind")) == ["a", "b"]


def test_pipelines_do_not_change_what_is_stored(client: Client) -> None:
    client.db.t.insert_one({"_id": 1, "a": {"b": 1}})
    list(client.db.t.aggregate([{"$addFields": {"a.b": 2}}, {"$match": {"_id": 1}}]))
    assert client.db.t.find_one() == {"_id": 1, "a": {"b": 1}}


@pytest.mark.parametrize(
    "stage", [{"$out": "x"}, {"$merge": "x"}, {"$facet": {"a": [{"$out": "x"}]}}]
)
def test_stages_that_write_behind_the_journal_are_refused(
    client: Client, stage: dict[str, Any]
) -> None:
    client.db.t.insert_one({"_id": 1})
    with pytest.raises(OperationFailure, match="not supported"):
        list(client.db.t.aggregate([stage]))


def test_collections_are_listed_renamed_and_dropped(client: Client) -> None:
    client.db.create_collection("a")
    client.db.b.insert_one({"_id": 1})
    assert sorted(client.db.list_collection_names()) == ["a", "b"]
    client.db.b.rename("c")
    assert client.db.c.count_documents({}) == 1
    with pytest.raises(OperationFailure, match="exists"):
        client.db.a.rename("c")
    client.db.a.rename("c", dropTarget=True)
    assert client.db.list_collection_names() == ["c"]
    assert client.list_database_names() == ["db"]
    client.drop_database("db")
    assert client.list_database_names() == []


def test_indexes_are_described_and_dropped(client: Client) -> None:
    client.db.t.create_index([("a", 1), ("b", -1)], name="ab", unique=True)
    client.db.t.create_index("c")
    info = client.db.t.index_information()
    assert info["ab"] == {"v": 2, "key": [("a", 1), ("b", -1)], "unique": True}
    client.db.t.drop_index("ab")
    client.db.t.drop_index([("c", 1)])
    assert list(client.db.t.index_information()) == ["_id_"]
    with pytest.raises(OperationFailure, match="not found"):
        client.db.t.drop_index("ab")


def test_an_index_of_the_same_name_with_other_options_is_refused(client: Client) -> None:
    client.db.t.create_index("a", name="i")
    client.db.t.create_index("a", name="i")
    with pytest.raises(OperationFailure, match="different options"):
        client.db.t.create_index("b", name="i")


def test_expiring_and_hashed_indexes_are_refused_not_ignored(client: Client) -> None:
    with pytest.raises(OperationFailure, match="expireAfterSeconds"):
        client.db.t.create_index("when", expireAfterSeconds=10)
    with pytest.raises(OperationFailure, match="rising and falling"):
        client.db.t.create_index([("a", "hashed")])


def test_documents_grow_to_16_mib_and_no_further(client: Client) -> None:
    client.db.t.insert_one({"_id": 1, "blob": b"x" * (15 * 1024 * 1024)})
    with pytest.raises((DocumentTooLarge, WriteError, OperationFailure)):
        client.db.t.update_one({"_id": 1}, {"$set": {"more": b"y" * (2 * 1024 * 1024)}})
    found = client.db.t.find_one({"_id": 1}, {"more": 1})
    assert found == {"_id": 1}


def test_a_blob_round_trips_through_gridfs(client: Client) -> None:
    blob = bytes(range(256)) * 3600
    files = gridfs.GridFS(client.db)
    identifier = files.put(blob, filename="CHGCAR")
    assert files.get(identifier).read() == blob
    files.delete(identifier)
    assert client.db.fs.chunks.count_documents({}) == 0


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ({"mystery": 1}, "No such command"),
        ({"find": "t", "filter": {"a": {"$near": 1}}}, "not supported"),
        ({"find": "t", "filter": {"$mystery": 1}}, "unknown top level operator"),
        ({"find": "t", "filter": 3}, "needs a document"),
        ({"find": 5}, "needs a text"),
        ({"find": "t", "limit": 1.5}, "whole number"),
        ({"createIndexes": "t", "indexes": 5}, "list of documents"),
        ({"findAndModify": "t", "query": {}}, "either update or remove"),
        ({"aggregate": "t", "pipeline": [{"$sort": {"a": 1}, "$limit": 1}]}, "exactly one"),
        ({"create": "bad$name"}, "Invalid collection name"),
        ({"find": "t", "startTransaction": True, "autocommit": False}, "Transactions"),
    ],
)
def test_a_malformed_command_is_refused_and_the_connection_lives(
    client: Client, command: dict[str, Any], words: str
) -> None:
    client.db.t.insert_one({"_id": 1, "a": 1})
    with pytest.raises(OperationFailure, match=words):
        client.db.command(command)
    assert client.db.t.count_documents({"a": 1}) == 1


def test_concurrent_clients_lose_no_increment(client: Client, uri: str) -> None:
    client.db.t.insert_one({"_id": "n", "v": 0})

    def count() -> None:
        with MongoClient[dict[str, Any]](uri) as own:
            for _ in range(50):
                own.db.t.update_one({"_id": "n"}, {"$inc": {"v": 1}})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.db.t.find_one() == {"_id": "n", "v": 200}
