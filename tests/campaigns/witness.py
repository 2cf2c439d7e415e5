"""Who watches the ledger from outside, and says what was lost, doubled or changed after its end."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from sim_dispatcher.launch.routing import STAGING

__all__ = ["SWEEP_S", "Verdict", "Witness"]

SWEEP_S = 150.0
"""Longest until what a kill left half made is swept away; it is left alone for a minute."""

Document = dict[str, Any]
FINAL = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Verdict:
    """What a round came to; all numbers but the last two must be zero."""

    lost: int
    """Acknowledged jobs without a record, or without an end."""
    failed: int
    """Jobs that did not end in an answer."""
    doubled: int
    """Jobs with two workflows, or with two fireworks that a launcher sees."""
    changed: int
    """Jobs whose state or result changed after their end."""
    foreign: int
    """Results that do not come from the run that held the claim."""
    unsettled: int
    """Jobs whose firework did not come to the end of its job."""
    recomputed: int
    """Runs that were thrown away: the price of a kill, not an error."""
    orphans: int
    """Fireworks that a kill left without a workflow: no launcher sees them, and they are swept."""
    reasons: tuple[str, ...] = ()
    """Of the jobs that failed."""


@dataclass
class Witness:
    """Reads the records with a client of its own, and remembers how each job ended."""

    client: MongoClient[Document]
    database: str = "atomloop"
    ends: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def look(self) -> None:
        """Note every job that has ended; what ended before must not have changed."""
        jobs = self.client[self.database]["atomloop_jobs"]
        fields = {"state": 1, "software": 1}
        try:
            for record in list(jobs.find({"state": {"$in": FINAL}}, fields)):
                end = (record["state"], record.get("software"))
                if self.ends.setdefault(record["_id"], end) != end:
                    self.changed.add(record["_id"])
        except PyMongoError:
            return

    def all_ended(self, keys: list[str]) -> bool:
        """Tell whether jobs have ended, fireworks included."""
        self.look()
        if not all(key in self.ends for key in keys):
            return False
        jobs = self.client[self.database]["atomloop_jobs"]
        try:
            return jobs.count_documents({"_id": {"$in": keys}, "unsettled": True}) == 0
        except PyMongoError:
            return False

    def no_orphans(self) -> bool:
        """Tell whether all that kills left half made has been swept away."""
        fireworks = self.client[self.database]["fireworks"]
        try:
            return fireworks.count_documents({"spec._category": STAGING}) == 0
        except PyMongoError:
            return False

    def judge(self, keys: list[str], trace: Path) -> Verdict:
        """Compare records, LaunchPad and the engines' trace for some jobs."""
        self.look()
        held = self.client[self.database]
        records = {record["_id"]: record for record in held["atomloop_jobs"].find()}
        workflows = Counter(one["metadata"]["job"] for one in held["workflows"].find())
        listed = list(held["fireworks"].find({}, {"name": 1, "state": 1, "spec._category": 1}))
        staged = Counter(one["name"] for one in listed if one["spec"]["_category"] == STAGING)
        seen = [one for one in listed if one["spec"]["_category"] != STAGING]
        fireworks = Counter(one["name"] for one in seen)
        states = {one["name"]: one["state"] for one in seen}
        runs = [json.loads(line) for line in trace.read_text().splitlines() if line]
        mine = [run for run in runs if run["key"] in set(keys)]
        author = {run["run"]: (run["key"], run["token"]) for run in runs}
        done = [key for key in keys if key in records and records[key]["state"] == "done"]
        return Verdict(
            lost=sum(key not in records or records[key]["state"] not in FINAL for key in keys),
            failed=sum(key in records and records[key]["state"] == "failed" for key in keys),
            doubled=sum(workflows[key] != 1 or fireworks[key] != 1 for key in keys),
            changed=len(self.changed & set(keys)),
            foreign=sum(
                author.get(records[key]["software"]) != (key, records[key]["token"]) for key in done
            ),
            unsettled=sum(states.get(key) != "COMPLETED" for key in done),
            recomputed=len(mine) - len({run["key"] for run in mine}),
            orphans=sum(staged[key] for key in keys),
            reasons=tuple(
                f"{records[key].get('reason')} {records[key].get('tries')}"
                for key in keys
                if key in records and records[key]["state"] == "failed"
            ),
        )
