"""The board's memory: what a dispatcher that was killed must find again when it starts.

One flat document per ROI and one per sitting, beside the ledger in the same database. What a ROI's
jobs are about is written before the first of them is submitted, so that a restart submits the same
jobs under the same keys; the jobs themselves are the ledger's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pymongo import ASCENDING, DESCENDING, MongoClient, UpdateOne
from pymongo.collection import Collection
from pymongo.write_concern import WriteConcern

from shared.clock import Clock
from shared.messages import OrderOutcome
from sim_dispatcher.board.cut import Cut
from sim_dispatcher.board.entry import Memo
from sim_dispatcher.ledger.outage import says_when_away

__all__ = ["Memory", "Remembered"]

Document = dict[str, Any]

OUTCOMES_KEPT: Final = 256
"""Orders whose outcome is remembered; the service repeats an order until it knows it."""

SITTINGS_KEPT: Final = 50
"""Sittings remembered; the jobs of older ones stay in the ledger."""

_MEMO: Final = TypeAdapter(Memo)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A sitting as it was left.

    Attributes:
        session: Its name.
        memos: Its ROIs, first seen first.
        paused: Whether the operator had halted it.
        outcomes: What became of the latest orders, oldest first.
    """

    session: str
    memos: tuple[Memo, ...] = ()
    paused: bool = False
    outcomes: tuple[OrderOutcome, ...] = ()


class Memory:
    """The collections that the board survives in.

    Args:
        client: The ledger's server.
        database: The ledger's database.
        clock: Dates what is written.
    """

    def __init__(self, client: MongoClient[Document], database: str, clock: Clock) -> None:
        durable = client.get_database(database, write_concern=WriteConcern(w=1, j=True))
        self._rois: Collection[Document] = durable["atomloop_rois"]
        self._sittings: Collection[Document] = durable["atomloop_sittings"]
        self._clock = clock
        self._cuts: set[str] = set()
        """ROIs whose cut is written: it never changes and is far larger than all else."""

    @says_when_away
    def prepare(self) -> None:
        """Make the indexes, where they are missing, and drop what is too old."""
        self._rois.create_index([("session", ASCENDING)])
        self._sittings.create_index([("updated_at_ns", DESCENDING)])
        sittings = self._sittings.find({}, {"_id": 1}).sort("updated_at_ns", DESCENDING)
        old = [document["_id"] for document in sittings][SITTINGS_KEPT:]
        self._rois.delete_many({"session": {"$in": old}})
        self._sittings.delete_many({"_id": {"$in": old}})

    @says_when_away
    def latest(self) -> Remembered | None:
        """Return the sitting that was written last, None where there is none."""
        found = list(self._sittings.find().sort("updated_at_ns", DESCENDING).limit(1))
        return self.recall(found[0]["_id"]) if found else None

    @says_when_away
    def recall(self, session: str) -> Remembered:
        """Return a sitting; an unknown one is empty.

        What another version wrote and this one cannot read is left out: its ROIs are met anew.
        """
        sitting = self._sittings.find_one({"_id": session}) or {}
        found = self._rois.find({"session": session}).sort("number", ASCENDING)
        memos = [memo for memo in map(_memo, found) if memo is not None]
        self._cuts = {memo.track.key for memo in memos if memo.cut is not None}
        return Remembered(
            session=session,
            memos=tuple(memos),
            paused=bool(sitting.get("paused", False)),
            outcomes=tuple(
                OrderOutcome.model_validate_json(text) for text in sitting.get("outcomes", ())
            ),
        )

    @says_when_away
    def save(self, memos: Iterable[Memo]) -> None:
        """Write what is to be remembered of some ROIs; on disk when this returns."""
        kept = list(memos)
        fresh = {memo.track.key for memo in kept if memo.cut is not None} - self._cuts
        writes = [
            UpdateOne(
                {"_id": memo.track.key},
                {"$set": _document(memo, cut=memo.track.key in fresh)},
                upsert=True,
            )
            for memo in kept
        ]
        if writes:
            self._rois.bulk_write(writes, ordered=False)
        self._cuts |= fresh

    @says_when_away
    def save_sitting(self, session: str, outcomes: Iterable[OrderOutcome], *, paused: bool) -> None:
        """Write what is to be remembered of a sitting as a whole.

        Args:
            session: Its name.
            outcomes: What became of the latest orders, oldest first.
            paused: Whether the operator halted it.
        """
        texts = [outcome.model_dump_json() for outcome in outcomes][-OUTCOMES_KEPT:]
        fields = {"paused": paused, "outcomes": texts, "updated_at_ns": self._clock.wall_ns()}
        self._sittings.update_one({"_id": session}, {"$set": fields}, upsert=True)


def _document(memo: Memo, *, cut: bool) -> Document:
    fields: Document = {
        "session": memo.session,
        "number": memo.number,
        "memo": _MEMO.dump_json(memo, exclude={"cut"}).decode(),
    }
    if cut and memo.cut is not None:
        fields["cut"] = memo.cut.model_dump_json()
    return fields


def _memo(document: Document) -> Memo | None:
    try:
        memo = _MEMO.validate_json(document["memo"])
        cut = document.get("cut")
        return memo if cut is None else replace(memo, cut=Cut.model_validate_json(cut))
    except (KeyError, ValidationError):
        return None
