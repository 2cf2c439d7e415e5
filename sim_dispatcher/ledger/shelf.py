"""The shelf that the job records stand on: one document each, changed by compare-and-set.

Only flat documents and `$set`, `$inc`, `$push`, `$max`, `$unset` are used; every change of state is
acknowledged after it reached the disk (`j: true`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import structlog
from pydantic import ValidationError
from pymongo import ASCENDING, MongoClient, ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from shared.clock import Clock
from sim_dispatcher.ledger.attempts import ATTEMPTS_KEPT
from sim_dispatcher.ledger.records import JobProgress, JobRecord, JobSpec
from sim_dispatcher.ledger.states import FINAL, JobEvent, advance, sources

__all__ = ["Shelf"]

Document = dict[str, Any]

log = structlog.get_logger(__name__)

_COUNTED: Final = {JobEvent.CLAIMED: {"token": 1}, JobEvent.EXPIRED: {"losses": 1}}
"""Events that count something on the record."""

LATE_KEPT: Final = 8
"""Late results kept per job; more are counted only."""


class Shelf:
    """The collection of job records.

    Args:
        client: Any MongoDB-protocol server.
        database: Name of the database.
        clock: Dates the changes.
    """

    def __init__(self, client: MongoClient[Document], database: str, clock: Clock) -> None:
        durable = client.get_database(database, write_concern=WriteConcern(w=1, j=True))
        self._jobs: Collection[Document] = durable["atomloop_jobs"]
        self._quick: Collection[Document] = client[database]["atomloop_jobs"]
        self._counters: Collection[Document] = client[database]["atomloop_counters"]
        self._clock = clock

    def prepare(self) -> None:
        """Make the indexes; harmless when they exist."""
        for field in ("revision", "unstamped", "unsettled", "state", "firework"):
            self._jobs.create_index([(field, ASCENDING)])

    def reserve(self, spec: JobSpec) -> bool:
        """Put up the record of a new job; False where its key is taken.

        It is numbered when it is queued; until then every poll returns it.
        """
        reserved = {
            "_id": spec.key,
            "spec": spec.model_dump(mode="json"),
            "state": "reserved",
            "priority": spec.priority,
            "token": 0,
            "unstamped": True,
            "updated_at_ns": self._clock.wall_ns(),
        }
        try:
            self._jobs.insert_one(reserved)
        except DuplicateKeyError:
            return False
        return True

    def get(self, key: str) -> JobRecord | None:
        """Return a job's record, None where there is none."""
        return self.find_one({"_id": key})

    def find_one(self, query: Document) -> JobRecord | None:
        """Return a record that matches."""
        document = self._jobs.find_one(query)
        return None if document is None else _record(document)

    def find(self, query: Document) -> list[JobRecord]:
        """Return all records that match."""
        return _records(self._jobs.find(query))

    def queued_fireworks(self, before_ns: int) -> dict[int, str]:
        """Return the fireworks of jobs that wait since before an instant, with their keys."""
        query = {"state": "queued", "updated_at_ns": {"$lte": before_ns}}
        found = self._jobs.find(query, {"firework": 1})
        return {document["firework"]: document["_id"] for document in found}

    def changes(self, since: int) -> list[JobRecord]:
        """Return the records that changed after a revision; see `Ledger.changes`."""
        unstamped = list(self._jobs.find({"unstamped": True}))
        cursor = self._jobs.find({"revision": {"$gt": since}}).sort("revision", ASCENDING)
        numbered = list(cursor)
        known = {document["_id"] for document in numbered}
        early = [document for document in unstamped if document["_id"] not in known]
        return _records((*early, *numbered))

    def step(
        self,
        key: str,
        event: JobEvent,
        changes: Mapping[str, Any],
        *,
        holding: Mapping[str, int] | None = None,
        counting: Mapping[str, float] | None = None,
        attempt: Document | None = None,
    ) -> JobRecord | None:
        """Apply an event by compare-and-set.

        Args:
            key: The job.
            event: What happened; a claim also hands out the next fencing token.
            changes: Fields to set.
            holding: What the record must still say: the token, or the firework.
            counting: Fields to add to.
            attempt: A line for the history of attempts.

        Returns:
            The record as it is now, None where its state or `holding` forbids the event, or where
            it is no record.
        """
        legal = sources(event)
        (goal,) = {advance(state, event) for state in legal}
        mine: Document = {"_id": key, "state": {"$in": legal}, **(holding or {})}
        stamp = {"state": goal, "unstamped": True, "updated_at_ns": self._clock.wall_ns()}
        if goal in FINAL:
            stamp["unsettled"] = True
        update: Document = {"$set": {**changes, **stamp}}
        counts = {**_COUNTED.get(event, {}), **(counting or {})}
        if counts:
            update["$inc"] = counts
        if attempt is not None:
            update["$push"] = {"attempts": {"$each": [attempt], "$slice": -ATTEMPTS_KEPT}}
        document = self._jobs.find_one_and_update(
            mine, update, return_document=ReturnDocument.AFTER
        )
        if document is None:
            return None
        if event is not JobEvent.CLAIMED:  # its first heartbeat, or its end, is numbered soon
            self.stamp(key)
        return _record(document)

    def pass_on(self, key: str, event: JobEvent, changes: Mapping[str, Any]) -> JobRecord | None:
        """Apply an event of a submission, which the reconciler would repeat were it lost.

        Like `step`, but acknowledged from memory, and not numbered.
        """
        legal = sources(event)
        (goal,) = {advance(state, event) for state in legal}
        stamp = {"state": goal, "unstamped": True, "updated_at_ns": self._clock.wall_ns()}
        document = self._quick.find_one_and_update(
            {"_id": key, "state": {"$in": legal}},
            {"$set": {**changes, **stamp}},
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else _record(document)

    def note(self, key: str, changes: Mapping[str, Any]) -> JobRecord | None:
        """Set fields of a job that has not ended; return its record, None where it has."""
        document = self._jobs.find_one_and_update(
            {"_id": key, "state": {"$nin": sorted(FINAL)}},
            {"$set": {**changes, "unstamped": True}},
            return_document=ReturnDocument.AFTER,
        )
        if document is None:
            return None
        self.stamp(key)
        return _record(document)

    def beat(self, key: str, token: int, progress: JobProgress | None) -> bool:
        """Note a heartbeat; False where the claim is no longer valid."""
        changes: Document = {"heartbeat_ns": self._clock.wall_ns()}
        if progress is not None:
            changes |= {"progress": progress.model_dump(), "unstamped": True}
        mine = {"_id": key, "state": "running", "token": token}
        if self._quick.update_one(mine, {"$set": changes}).matched_count == 0:
            return False
        if progress is not None:
            self.stamp(key)
        return True

    def record_late(self, key: str, token: int, answer: Mapping[str, Any]) -> None:
        """Keep a result beside the record, without applying it."""
        late = {"token": token, "at_ns": self._clock.wall_ns(), **answer}
        self._jobs.update_one(
            {"_id": key},
            {
                "$push": {"late": {"$each": [late], "$slice": -LATE_KEPT}},
                "$inc": {"late_results": 1},
                "$set": {"unstamped": True},
            },
        )
        self.stamp(key)

    def settled(self, key: str) -> None:
        """Note that the firework of an ended job has ended, too."""
        self._quick.update_one({"_id": key}, {"$unset": {"unsettled": ""}})

    def restamp(self) -> None:
        """Number the changes whose writers died before they could."""
        for document in list(self._jobs.find({"unstamped": True}, {"_id": 1})):
            self.stamp(document["_id"])

    def stamp(self, key: str) -> int:
        """Number a record's latest change; return the number.

        The change is written first and numbered afterwards; until then the record is marked
        `unstamped` and returned by every poll. Numbering first would let a slow writer slip in
        behind a poll that has already gone past its number.
        """
        counter: Document = self._counters.find_one_and_update(
            {"_id": "revision"},
            {"$inc": {"last": 1}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        ) or {"last": 0}
        number = int(counter["last"])
        self._quick.update_one(
            {"_id": key}, {"$max": {"revision": number}, "$unset": {"unstamped": ""}}
        )
        return number


def _record(document: Document) -> JobRecord | None:
    """Read a stored record; one that is none counts as absent, so that it stops nothing else."""
    fields = {name: document[name] for name in JobRecord.model_fields if name in document}
    try:
        return JobRecord.model_validate({**fields, "key": document["_id"]})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"])
        log.warning("not a record", key=str(document["_id"])[:80], field=where)
        return None


def _records(documents: Iterable[Document]) -> list[JobRecord]:
    return [record for record in map(_record, documents) if record is not None]
