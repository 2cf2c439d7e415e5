"""Is this server fit for FireWorks? Asked of whatever the URI names, before anything is launched.

Some servers speak MongoDB's protocol well enough to be taken for one, and answer a few questions
wrongly; on one of them stock FireWorks launched a finished job thirty times without an error. Each
check here is one question that FireWorks or the ledger depends on, asked in a scratch database.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import gridfs
import structlog
from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, MongoClient, ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, PyMongoError

from shared.errors import DatabaseError

__all__ = ["CHECKS", "Check", "check_server", "require_conformance"]

Document = dict[str, Any]
Check = Callable[[Database[Document]], bool]
"""Asks one question in an empty database; true when the answer is right."""

SUITE_VERSION: Final = 1
"""Raised with every change of a check, so that cached verdicts are not trusted."""

_READY: Final = 12
_WORKERS: Final = 4

log = structlog.get_logger(__name__)


def compound_index_with_id(database: Database[Document]) -> bool:
    """An insert goes through beside an index on another field and `_id`."""
    table = database["compound"]
    table.create_index([("state", DESCENDING), ("_id", DESCENDING)])
    table.insert_one({"_id": ObjectId(), "state": "READY"})
    return table.count_documents({"state": "READY"}) == 1


def indexed_array_equality(database: Database[Document]) -> bool:
    """Equality finds an element of an array, with and without an index on the field."""
    table = database["arrays"]
    table.insert_one({"_id": 1, "nodes": [7, 8]})
    before = table.find_one({"nodes": 8}) is not None
    table.create_index("nodes")
    table.insert_one({"_id": 2, "nodes": [9]})
    found = [table.find_one({"nodes": node}) is not None for node in (7, 8, 9)]
    return before and all(found) and table.find_one({"nodes": 10}) is None


def find_and_modify_with_or(database: Database[Document]) -> bool:
    """`findAndModify` heeds every condition beside a top-level `$or`."""
    table = database["modify_or"]
    table.insert_one({"_id": 1, "state": "COMPLETED", "worker": None})
    anyone = {"$or": [{"worker": {"$exists": False}}, {"worker": None}, {"worker": "w"}]}
    taken = table.find_one_and_update(
        {"state": "READY", **anyone}, {"$set": {"state": "RESERVED"}}, sort=[("_id", ASCENDING)]
    )
    left = table.find_one({"_id": 1})
    return taken is None and left is not None and left["state"] == "COMPLETED"


def embedded_document_equality(database: Database[Document]) -> bool:
    """Equality with a document whose names begin with an underscore is no operator."""
    table = database["embedded"]
    table.insert_one({"_id": 1, "spec": {"_dupefinder": {"_fw_name": "x"}}})
    wanted = {"_dupefinder": {"_fw_name": "x"}}
    return table.find_one({"spec": wanted}) is not None


def dotted_projection(database: Database[Document]) -> bool:
    """A dotted projection keeps the nesting."""
    table = database["projection"]
    table.insert_one({"_id": 1, "spec": {"a": 1, "b": 2}, "c": 3})
    return table.find_one({}, {"spec.a": 1}) == {"_id": 1, "spec": {"a": 1}}


def duplicate_keys(database: Database[Document]) -> bool:
    """A second document with a taken `_id` or unique field is refused."""
    table = database["unique"]
    table.create_index("fw_id", unique=True)
    table.insert_one({"_id": 1, "fw_id": 1})
    refused = 0
    for document in ({"_id": 1, "fw_id": 2}, {"_id": 2, "fw_id": 1}):
        try:
            table.insert_one(document)
        except DuplicateKeyError:
            refused += 1
    return refused == 2 and table.count_documents({}) == 1


def atomic_counter(database: Database[Document]) -> bool:
    """`findAndModify` hands every one of several concurrent clients another number."""
    table = database["counter"]
    table.insert_one({"_id": "n", "next": 0})

    def take(_: int) -> int:
        found = table.find_one_and_update(
            {"_id": "n"}, {"$inc": {"next": 1}}, return_document=ReturnDocument.AFTER
        )
        return -1 if found is None else int(found["next"])

    with ThreadPoolExecutor(_WORKERS) as pool:
        numbers = sorted(pool.map(take, range(_READY)))
    return numbers == list(range(1, _READY + 1))


def atomic_checkout(database: Database[Document]) -> bool:
    """FireWorks' checkout query gives every firework to one worker, the urgent ones first."""
    table = database["fireworks"]
    table.create_index("state")
    table.create_index([("state", DESCENDING), ("spec._priority", DESCENDING)])
    table.insert_many(
        {"_id": number, "fw_id": number, "state": "READY", "spec": {"_priority": number % 3}}
        for number in range(_READY)
    )
    anyone = [
        {"spec._fworker": {"$exists": False}},
        {"spec._fworker": None},
        {"spec._fworker": "worker"},
    ]

    def check_out(_: int) -> Document | None:
        found: Document | None = table.find_one_and_update(
            {"state": "READY", "$or": anyone},
            {"$set": {"state": "RESERVED"}},
            sort=[("spec._priority", DESCENDING)],
        )
        return found

    first = check_out(0)
    with ThreadPoolExecutor(_WORKERS) as pool:
        rest = list(pool.map(check_out, range(2 * _READY)))
    taken = [found["fw_id"] for found in (first, *rest) if found is not None]
    urgent = first is not None and first["spec"]["_priority"] == 2
    return urgent and sorted(taken) == list(range(_READY))


def compare_and_set(database: Database[Document]) -> bool:
    """An update whose condition no longer holds changes nothing, and says so."""
    table = database["ledger"]
    table.insert_one({"_id": "k", "state": "running", "token": 2})
    stale = table.update_one({"_id": "k", "token": 1}, {"$set": {"state": "done"}})
    fresh = table.update_one({"_id": "k", "token": 2}, {"$set": {"state": "done"}})
    return (stale.matched_count, fresh.matched_count) == (0, 1)


def large_blob(database: Database[Document]) -> bool:
    """A blob of several chunks comes back from GridFS as it was."""
    blob = bytes(range(256)) * 2500
    files = gridfs.GridFS(database, "blobs")
    return files.get(files.put(blob)).read() == blob


def lookup_pipeline(database: Database[Document]) -> bool:
    """The pipeline by which `lpad` joins workflows and fireworks finds them."""
    database["wfs"].insert_one({"_id": 1, "nodes": [4, 5]})
    database["fws"].insert_many({"_id": n, "fw_id": n, "state": "READY"} for n in (4, 5, 6))
    lookup = {"from": "fws", "localField": "nodes", "foreignField": "fw_id", "as": "fireworks"}
    stages: list[Document] = [
        {"$project": {"nodes": True, "_id": False}},
        {"$unwind": "$nodes"},
        {"$lookup": lookup},
        {"$unwind": "$fireworks"},
        {"$replaceRoot": {"newRoot": "$fireworks"}},
        {"$match": {"state": "READY"}},
    ]
    return sorted(found["fw_id"] for found in database["wfs"].aggregate(stages)) == [4, 5]


CHECKS: Final[dict[str, Check]] = {
    "compound index with _id": compound_index_with_id,
    "equality on an indexed array": indexed_array_equality,
    "findAndModify with $or": find_and_modify_with_or,
    "equality with an embedded document": embedded_document_equality,
    "dotted projection": dotted_projection,
    "duplicate keys": duplicate_keys,
    "atomic counter": atomic_counter,
    "atomic checkout": atomic_checkout,
    "compare and set": compare_and_set,
    "large blob": large_blob,
    "lookup pipeline": lookup_pipeline,
}
"""Every question, by the name that a refusal gives it."""


def check_server(client: MongoClient[Document]) -> list[str]:
    """Ask all questions in a scratch database, which is dropped afterwards.

    Args:
        client: Connected to the server in question.

    Returns:
        The checks that failed, with the server's error where it raised one.
    """
    name = f"atomloop_check_{secrets.token_hex(4)}"
    failed = []
    try:
        for title, check in CHECKS.items():
            try:
                if not check(client[name]):
                    failed.append(title)
            except PyMongoError as error:
                failed.append(f"{title} ({str(error)[:120]})")
    finally:
        client.drop_database(name)
    return failed


def require_conformance(client: MongoClient[Document], database: str) -> None:
    """Refuse a server that would mislaunch; a verdict holds for one version of server and suite.

    Args:
        client: Connected to the server in question.
        database: Where good verdicts are kept.

    Raises:
        DatabaseError: A check failed, or the server does not answer.
    """
    try:
        info = client.admin.command("buildInfo")
        build = f"{info.get('version')} {info.get('gitVersion')} suite {SUITE_VERSION}"
        verdicts = client[database]["atomloop_conformance"]
        if verdicts.find_one({"_id": build}) is not None:
            return
        failed = check_server(client)
        if not failed:
            verdicts.replace_one({"_id": build}, {"passed": sorted(CHECKS)}, upsert=True)
            log.info("database conforms", build=build)
            return
    except PyMongoError as error:
        raise DatabaseError(
            f"The database does not answer: {str(error)[:200]}.",
            remedy="Start it, or correct the URI.",
        ) from error
    raise DatabaseError(
        f"The database {build} would mislaunch work; it fails: {'; '.join(failed)}.",
        remedy="Use MongoDB 7 or later, or the embedded `sim-dispatcher database`.",
    )
