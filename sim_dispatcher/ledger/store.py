"""The ledger: which computations were asked for, which run, and what came of them.

FireWorks has no key that makes a submission idempotent and adds a workflow in two writes, so the
promise "once" is made here, on one document per job: reserve first, add the workflow where no
launcher sees it, open it when both writes are seen. Every step is a compare-and-set on the state
table; a launcher's writes carry the fencing token of its claim.

Only flat documents and `$set`, `$inc`, `$push`, `$max`, `$unset` are used; every change of state is
acknowledged after it reached the disk (`j: true`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pymongo import ASCENDING, MongoClient, ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from shared.clock import Clock
from shared.errors import DatabaseError
from sim_dispatcher.ledger.records import JobAnswer, JobProgress, JobRecord, JobSpec
from sim_dispatcher.ledger.states import FINAL, JobEvent, advance, sources
from sim_dispatcher.ledger.workflows import Workflows

__all__ = ["LEASE_S", "MAX_CLAIMS", "Ledger"]

Document = dict[str, Any]

LEASE_S: Final = 90.0
"""A running job whose launcher was silent for so long is taken from it."""

MAX_CLAIMS: Final = 3
"""A job that lost its launcher so often is not tried again."""

LATE_KEPT: Final = 8
"""Late results kept per job; more are counted only."""


class Ledger:
    """One record per job key in the database that the LaunchPad lives in.

    Args:
        client: Any MongoDB-protocol server.
        database: Name of the database.
        workflows: The LaunchPad side.
        clock: Wall time for the records and the leases.
    """

    def __init__(
        self, client: MongoClient[Document], database: str, workflows: Workflows, clock: Clock
    ) -> None:
        durable = client.get_database(database, write_concern=WriteConcern(w=1, j=True))
        self._jobs: Collection[Document] = durable["atomloop_jobs"]
        self._quick: Collection[Document] = client[database]["atomloop_jobs"]
        self._counters: Collection[Document] = client[database]["atomloop_counters"]
        self._workflows = workflows
        self._clock = clock

    def prepare(self) -> None:
        """Make the indexes; harmless when they exist."""
        for field in ("revision", "unstamped", "unsettled", "state", "firework"):
            self._jobs.create_index([(field, ASCENDING)])

    # ------------------------------------------------------------------ the dispatcher's side

    def submit(self, spec: JobSpec) -> JobRecord:
        """Have a job computed once, however often its key is submitted.

        Args:
            spec: The computation; its key names it.

        Returns:
            The job's record: queued, or wherever an earlier submission of the key has come to.

        Raises:
            DatabaseError: The key stands for another computation already.
        """
        now = self._clock.wall_ns()
        reserved = {
            "_id": spec.key,
            "spec": spec.model_dump(mode="json"),
            "state": "reserved",
            "priority": spec.priority,
            "token": 0,
            "unstamped": True,
            "updated_at_ns": now,
        }
        try:
            self._jobs.insert_one(reserved)
        except DuplicateKeyError:
            return self._same(spec)
        self._stamp(spec.key)
        return self._push_on(spec)

    def get(self, key: str) -> JobRecord | None:
        """Return a job's record, None where the key was never submitted."""
        document = self._jobs.find_one({"_id": key})
        return None if document is None else _record(document)

    def changes(self, since: int) -> list[JobRecord]:
        """Return the records that changed after a revision, oldest change first.

        A record whose change has no number yet is returned as well (revision 0) and comes again
        when it has one, so no change is ever missed; receivers apply records idempotently.

        Args:
            since: The largest revision seen so far; 0 for all records.
        """
        unstamped = list(self._jobs.find({"unstamped": True}))
        cursor = self._jobs.find({"revision": {"$gt": since}}).sort("revision", ASCENDING)
        numbered = list(cursor)
        known = {document["_id"] for document in numbered}
        early = [document for document in unstamped if document["_id"] not in known]
        return [_record(document) for document in (*early, *numbered)]

    def cancel(self, key: str, reason: str) -> JobRecord | None:
        """Withdraw a job wherever it stands; a running launcher notices at its next beat.

        Args:
            key: The job.
            reason: Why, for the operator.

        Returns:
            The job's record after the call (unchanged where it had ended), None if unknown.
        """
        document = self._step(key, JobEvent.CANCELLED, {"reason": reason[:500]})
        if document is not None:
            self.settle(key)
        return self.get(key)

    def prioritise(self, key: str, priority: float) -> None:
        """Change the order in which waiting jobs run: larger first."""
        document = self._jobs.find_one_and_update(
            {"_id": key, "state": {"$nin": sorted(FINAL)}},
            {"$set": {"priority": priority, "unstamped": True}},
        )
        if document is None:
            return
        self._stamp(key)
        if document.get("firework") is not None:
            self._workflows.prioritise(document["firework"], priority)

    def reconcile(self, *, grace_s: float = 30.0) -> int:
        """Mend what crashes left behind: at start, then every half minute.

        Half-made submissions are pushed on, jobs whose launcher fell silent are queued again or,
        after `MAX_CLAIMS` launchers, failed; fireworks without workflow are removed.

        Args:
            grace_s: Age from which a half-made submission counts as left behind.

        Returns:
            The number of things mended.
        """
        now = self._clock.wall_ns()
        mended = self._workflows.sweep()
        for document in list(self._jobs.find({"unstamped": True})):
            self._stamp(document["_id"])
        for document in list(self._jobs.find({"unsettled": True})):
            if now - document["updated_at_ns"] >= grace_s * 1e9:
                self.settle(document["_id"])
                mended += 1
        for document in list(self._jobs.find({"state": {"$in": ["reserved", "staged"]}})):
            if now - document["updated_at_ns"] >= grace_s * 1e9:
                self._push_on(_record(document).spec)
                mended += 1
        for document in list(self._jobs.find({"state": "running"})):
            if now - document["heartbeat_ns"] >= LEASE_S * 1e9:
                self._expire(document)
                mended += 1
        return mended

    # ------------------------------------------------------------------ the launcher's side

    def claim(self, key: str, worker: str, firework: int) -> JobRecord | None:
        """Take a queued job.

        Args:
            key: The job.
            worker: The launcher's name.
            firework: The firework that the launcher found; a copy with another number is not it.

        Returns:
            The record, whose `token` guards every later write of this launcher; None where the
            job is not to be had.
        """
        now = self._clock.wall_ns()
        changes = {"worker": worker, "heartbeat_ns": now, "progress": None}
        document = self._step(key, JobEvent.CLAIMED, changes, holding={"firework": firework})
        return None if document is None else _record(document)

    def beat(self, key: str, token: int, progress: JobProgress | None = None) -> bool:
        """Say that the job is alive, and how far it is.

        Args:
            key: The job.
            token: The claim's fencing token.
            progress: How far it is; None leaves the last word standing.

        Returns:
            False where the claim is no longer valid: the launcher must stop.
        """
        changes: Document = {"heartbeat_ns": self._clock.wall_ns()}
        if progress is not None:
            changes |= {"progress": progress.model_dump(), "unstamped": True}
        mine = {"_id": key, "state": "running", "token": token}
        if self._quick.update_one(mine, {"$set": changes}).matched_count == 0:
            return False
        if progress is not None:
            self._stamp(key)
        return True

    def finish(self, key: str, token: int, answer: JobAnswer) -> bool:
        """Record a job's result; a late one is kept beside the record and not applied.

        Args:
            key: The job.
            token: The claim's fencing token.
            answer: What the recipe returned.

        Returns:
            Whether the result was applied.
        """
        fields = answer.model_dump(mode="json")
        document = self._step(key, JobEvent.FINISHED, fields, holding={"token": token})
        if document is not None or self._jobs.find_one(
            {"_id": key, "state": "done", "token": token}
        ):
            return True  # applied now, or by a first try whose acknowledgement was lost
        self._record_late(key, token, fields)
        return False

    def fail(self, key: str, token: int, reason: str, remedy: str) -> bool:
        """Record that a job ended without a result.

        Args:
            key: The job.
            token: The claim's fencing token.
            reason: What went wrong.
            remedy: What to do about it.

        Returns:
            Whether it was applied.
        """
        words = {"reason": reason[:500], "remedy": remedy[:500]}
        return self._step(key, JobEvent.FAILED, words, holding={"token": token}) is not None

    def release(self, key: str, token: int) -> bool:
        """Give an unfinished job back to the queue; return whether the claim was still valid."""
        document = self._step(key, JobEvent.RELEASED, {"progress": None}, holding={"token": token})
        return document is not None

    def hand_back(self, key: str, token: int) -> None:
        """Give an unfinished job, whose firework was checked out, back to the queue."""
        if self.release(key, token):
            record = self.get(key)
            if record is not None and record.firework is not None:
                self._workflows.requeue(record.firework)

    def refuse(self, firework: int, reason: str, remedy: str) -> None:
        """Fail the job whose firework a launcher refused to run, where it is one of ours."""
        document = self._jobs.find_one({"firework": firework, "state": "queued"})
        if document is not None:
            words = {"reason": reason[:500], "remedy": remedy[:500]}
            self._step(document["_id"], JobEvent.FAILED, words)

    def settle(self, key: str) -> None:
        """Bring the firework of an ended job to an end, too; harmless to repeat."""
        document = self._jobs.find_one({"_id": key, "state": {"$in": sorted(FINAL)}})
        if document is None:
            return
        if document.get("firework") is not None:
            self._workflows.settle(document["firework"], document["state"])
        self._quick.update_one({"_id": key}, {"$unset": {"unsettled": ""}})

    # ------------------------------------------------------------------ inside

    def _same(self, spec: JobSpec) -> JobRecord:
        """Return the record of an earlier submission, if it was of the same computation."""
        record = self.get(spec.key)
        if record is None or _identity(record.spec) != _identity(spec):
            raise DatabaseError(
                f"Job key {spec.key} already stands for another computation.",
                remedy="Derive the key from everything that the computation depends on.",
            )
        return record

    def _push_on(self, spec: JobSpec) -> JobRecord:
        """Take a reserved or staged job to the queue; every step may have been done before."""
        firework = self._workflows.stage(spec)
        if not self._workflows.is_whole(firework):
            raise DatabaseError(
                f"The workflow of job {spec.key} (firework {firework}) is incomplete.",
                remedy="Reconcile the ledger; check the database's log if it happens again.",
            )
        self._step(spec.key, JobEvent.WORKFLOW_SEEN, {"firework": firework})
        self._workflows.open(firework)
        self._step(spec.key, JobEvent.OPENED, {})
        record = self.get(spec.key)
        if record is None:
            raise DatabaseError(
                f"The record of job {spec.key} vanished while it was queued.",
                remedy="Let nothing but AtomLoop write to the collection atomloop_jobs.",
            )
        if record.state in FINAL:
            self._jobs.update_one({"_id": spec.key}, {"$set": {"firework": firework}})
            self.settle(spec.key)
        return record

    def _expire(self, document: Document) -> None:
        """Take a running job from a launcher that fell silent."""
        key, token, firework = document["_id"], document["token"], document.get("firework")
        if token >= MAX_CLAIMS:
            reason = f"Its launcher vanished {token} times, the last one was {document['worker']}."
            remedy = "Look for crashes or lack of memory on that host; use a cheaper level."
            if self.fail(key, token, reason, remedy):
                self.settle(key)
            return
        expired = self._step(key, JobEvent.EXPIRED, {"progress": None}, holding={"token": token})
        if expired is not None and firework is not None:
            self._workflows.requeue(firework)

    def _step(
        self,
        key: str,
        event: JobEvent,
        changes: Mapping[str, Any],
        holding: Mapping[str, int] | None = None,
    ) -> Document | None:
        """Apply an event by compare-and-set.

        Args:
            key: The job.
            event: What happened; a claim also hands out the next fencing token.
            changes: Fields to set.
            holding: What the record must still say: the token, or the firework.

        Returns:
            The record as it is now, None where its state or `holding` forbids the event.
        """
        legal = sources(event)
        (goal,) = {advance(state, event) for state in legal}
        mine: Document = {"_id": key, "state": {"$in": legal}, **(holding or {})}
        stamp = {"state": goal, "unstamped": True, "updated_at_ns": self._clock.wall_ns()}
        if goal in FINAL:
            stamp["unsettled"] = True
        update: Document = {"$set": {**changes, **stamp}}
        if event is JobEvent.CLAIMED:
            update["$inc"] = {"token": 1}
        document = self._jobs.find_one_and_update(
            mine, update, return_document=ReturnDocument.AFTER
        )
        if document is not None:
            self._stamp(key)
        return document

    def _stamp(self, key: str) -> None:
        """Number a record's latest change.

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
        self._quick.update_one(
            {"_id": key}, {"$max": {"revision": counter["last"]}, "$unset": {"unstamped": ""}}
        )

    def _record_late(self, key: str, token: int, answer: Mapping[str, Any]) -> None:
        late = {"token": token, "at_ns": self._clock.wall_ns(), **answer}
        self._jobs.update_one(
            {"_id": key},
            {
                "$push": {"late": {"$each": [late], "$slice": -LATE_KEPT}},
                "$inc": {"late_results": 1},
                "$set": {"unstamped": True},
            },
        )
        self._stamp(key)


def _identity(spec: JobSpec) -> Document:
    """Return what makes two submissions the same computation: all but priority and time."""
    return spec.model_dump(exclude={"priority", "created_at_ns"})


def _record(document: Document) -> JobRecord:
    fields = {name: document[name] for name in JobRecord.model_fields if name in document}
    return JobRecord.model_validate({**fields, "key": document["_id"]})
