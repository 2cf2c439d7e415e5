"""The ledger: which computations were asked for, which run, and what came of them.

FireWorks has no key that makes a submission idempotent and adds a workflow in two writes, so the
promise "once" is made here, on one document per job: reserve first, add the workflow where no
launcher sees it, open it when both writes are seen. Every step is a compare-and-set on the state
table; a launcher's writes carry the fencing token of its claim.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pymongo import MongoClient

from shared.clock import Clock
from shared.errors import DatabaseError
from sim_dispatcher.failures import MAX_LOSSES, FailureKind
from sim_dispatcher.ledger.aftermath import Aftermath
from sim_dispatcher.ledger.attempts import NOTHING_SPENT, Failure, Spent
from sim_dispatcher.ledger.outage import says_when_away
from sim_dispatcher.ledger.records import JobAnswer, JobProgress, JobRecord, JobSpec
from sim_dispatcher.ledger.shelf import Shelf
from sim_dispatcher.ledger.states import FINAL, JobEvent
from sim_dispatcher.ledger.workflows import Workflows

__all__ = ["LEASE_S", "MAX_LOSSES", "Ledger"]

LEASE_S: Final = 90.0
"""A running job whose launcher was silent for so long is taken from it.

Silence is measured by the reconciler's own monotonic clock, as time in which the heartbeat did not
change: hosts whose clocks disagree, or are set, lose no job by it.
"""


class Ledger:
    """One record per job key in the database that the LaunchPad lives in.

    Args:
        client: Any MongoDB-protocol server.
        database: Name of the database.
        workflows: The LaunchPad side.
        clock: Wall time for the records and the leases.
    """

    def __init__(
        self, client: MongoClient[dict[str, Any]], database: str, workflows: Workflows, clock: Clock
    ) -> None:
        self._shelf = Shelf(client, database, clock)
        self._workflows = workflows
        self._clock = clock
        self._after = Aftermath(self._shelf, workflows, clock)
        self._heard: dict[str, tuple[int, int, float]] = {}

    @says_when_away
    def prepare(self) -> None:
        """Make the indexes; harmless when they exist."""
        self._shelf.prepare()

    # ------------------------------------------------------------------ the dispatcher's side

    @says_when_away
    def submit(self, spec: JobSpec) -> JobRecord:
        """Have a job computed once, however often its key is submitted.

        Args:
            spec: The computation; its key names it.

        Returns:
            The job's record: queued, or wherever an earlier submission of the key has come to.

        Raises:
            DatabaseError: The key stands for another computation already.
            DatabaseAwayError: The database does not answer; true of every method.
        """
        return self._push_on(spec) if self._shelf.reserve(spec) else self._same(spec)

    @says_when_away
    def get(self, key: str) -> JobRecord | None:
        """Return a job's record, None where the key was never submitted."""
        return self._shelf.get(key)

    @says_when_away
    def changes(self, since: int) -> list[JobRecord]:
        """Return the records that changed after a revision, oldest change first.

        A record whose change has no number yet is returned as well (revision 0) and comes again
        when it has one, so no change is ever missed; receivers apply records idempotently.

        Args:
            since: The largest revision seen so far; 0 for all records.
        """
        return self._shelf.changes(since)

    @says_when_away
    def cancel(self, key: str, reason: str) -> JobRecord | None:
        """Withdraw a job wherever it stands; a running launcher notices at its next beat.

        Args:
            key: The job.
            reason: Why, for the operator.

        Returns:
            The job's record after the call (unchanged where it had ended), None if unknown.
        """
        if self._shelf.step(key, JobEvent.CANCELLED, {"reason": reason[:500]}) is not None:
            self.settle(key)
        return self.get(key)

    @says_when_away
    def prioritise(self, key: str, priority: float) -> None:
        """Change the order in which waiting jobs run: larger first."""
        record = self._shelf.note(key, {"priority": priority})
        if record is not None and record.firework is not None:
            self._workflows.prioritise(record.firework, priority)

    @says_when_away
    def reconcile(self, *, grace_s: float = 30.0) -> int:
        """Mend what crashes left behind: at start, then every half minute.

        Half-made submissions are pushed on, jobs whose launcher fell silent are queued again or,
        after `MAX_LOSSES` launchers, failed; fireworks are brought to the end of their jobs, jobs
        to the end of theirs, and fireworks without workflow are removed.

        Args:
            grace_s: Age from which a half-made submission counts as left behind.

        Returns:
            The number of things mended.
        """
        before = self._clock.wall_ns() - int(grace_s * 1e9)
        mended = self._workflows.sweep()
        self._shelf.restamp()
        old = {"updated_at_ns": {"$lte": before}}
        for record in self._shelf.find({"unsettled": True, **old}):
            self.settle(record.key)
            mended += 1
        for record in self._shelf.find({"state": {"$in": ["reserved", "staged"]}, **old}):
            self._push_on(record.spec)
            mended += 1
        for record in self._silent(self._shelf.find({"state": "running"})):
            self._expire(record)
            mended += 1
        return mended + self._fail_defused(before) + self._free_stuck(before)

    # ------------------------------------------------------------------ the launcher's side

    @says_when_away
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
        changes = {"worker": worker, "claimed_at_ns": now, "heartbeat_ns": now, "progress": None}
        return self._shelf.step(key, JobEvent.CLAIMED, changes, holding={"firework": firework})

    @says_when_away
    def beat(self, key: str, token: int, progress: JobProgress | None = None) -> bool:
        """Say that the job is alive, and how far it is.

        Args:
            key: The job.
            token: The claim's fencing token.
            progress: How far it is; None leaves the last word standing.

        Returns:
            False where the claim is no longer valid: the launcher must stop.
        """
        return self._shelf.beat(key, token, progress)

    @says_when_away
    def finish(self, key: str, token: int, answer: JobAnswer, spent: Spent = NOTHING_SPENT) -> bool:
        """Record a job's result; a late one is kept beside the record and not applied.

        Args:
            key: The job.
            token: The claim's fencing token.
            answer: What the recipe returned.
            spent: What the attempt cost.

        Returns:
            Whether the result was applied.
        """
        fields = answer.model_dump(mode="json")
        applied = self._shelf.step(
            key,
            JobEvent.FINISHED,
            {**fields, "reason": None, "remedy": None},
            holding={"token": token},
            counting=spent.counted(),
        )
        if applied is not None:
            return True
        if self._shelf.find_one({"_id": key, "state": "done", "token": token}) is not None:
            return True  # applied by a first try whose acknowledgement was lost
        self._shelf.record_late(key, token, fields)
        return False

    @says_when_away
    def fall_short(
        self, key: str, token: int, failure: Failure
    ) -> Literal["retried", "failed"] | None:
        """Record that an attempt ended without a result, and do what the policy says.

        Args:
            key: The job.
            token: The claim's fencing token.
            failure: What went wrong.

        Returns:
            Whether it waits for another attempt or has failed; None where the claim was no
            longer valid. The firework of a failed job is left to its launcher and `settle`.
        """
        record = self._shelf.find_one({"_id": key, "state": "running", "token": token})
        return None if record is None else self._after.follow(record, failure, JobEvent.RETRIED)

    @says_when_away
    def fail(self, key: str, token: int, reason: str, remedy: str) -> bool:
        """Record that a job ended without a result and is not to be tried again.

        Args:
            key: The job.
            token: The claim's fencing token.
            reason: What went wrong.
            remedy: What to do about it.

        Returns:
            Whether it was applied.
        """
        return self._after.fail(key, token, reason, remedy)

    @says_when_away
    def release(self, key: str, token: int) -> bool:
        """Give an unfinished job back to the queue; return whether the claim was still valid."""
        nothing = {"progress": None}
        held = {"token": token}
        return self._shelf.step(key, JobEvent.RELEASED, nothing, holding=held) is not None

    @says_when_away
    def hand_back(self, key: str, token: int) -> None:
        """Give an unfinished job, whose firework was checked out, back to the queue."""
        if self.release(key, token):
            record = self.get(key)
            if record is not None and record.firework is not None:
                self._workflows.requeue(record.firework)

    @says_when_away
    def refuse(self, firework: int, reason: str, remedy: str) -> None:
        """Fail the waiting job whose firework was refused or ended, where it is one of ours."""
        record = self._shelf.find_one({"firework": firework, "state": "queued"})
        if record is not None:
            words = {"reason": reason[:500], "remedy": remedy[:500]}
            self._shelf.step(record.key, JobEvent.FAILED, words)
            self.settle(record.key)

    @says_when_away
    def settle(self, key: str) -> None:
        """Bring the firework of an ended job to an end, too; harmless to repeat."""
        record = self.get(key)
        if record is None or record.state not in FINAL:
            return
        if record.firework is not None:
            self._workflows.settle(record.firework, record.state)
        self._shelf.settled(key)

    # ------------------------------------------------------------------ inside

    def _same(self, spec: JobSpec) -> JobRecord:
        """Return the record of an earlier submission, if it was of the same computation."""
        record = self.get(spec.key)
        different = {"priority", "created_at_ns"}
        if record is None or record.spec.model_dump(exclude=different) != spec.model_dump(
            exclude=different
        ):
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
        seen = {"firework": firework}
        record = self._shelf.pass_on(spec.key, JobEvent.WORKFLOW_SEEN, seen) or self.get(spec.key)
        if record is None:
            raise DatabaseError(
                f"The record of job {spec.key} vanished while it was queued.",
                remedy="Let nothing but AtomLoop write to the collection atomloop_jobs.",
            )
        if record.state in FINAL:
            self._workflows.settle(firework, record.state)  # it ended before it had a workflow
            return record
        self._workflows.open(firework)
        opened = self._shelf.pass_on(spec.key, JobEvent.OPENED, {}) or self.get(spec.key) or record
        if opened.state in FINAL:
            self.settle(spec.key)
        return opened.model_copy(update={"revision": self._shelf.stamp(spec.key)})

    def _silent(self, running: list[JobRecord]) -> list[JobRecord]:
        """Return the running jobs whose heartbeat has not changed for a whole lease."""
        now = self._clock.monotonic_s()
        heard: dict[str, tuple[int, int, float]] = {}
        for record in running:
            before = self._heard.get(record.key)
            same = before is not None and before[:2] == (record.token, record.heartbeat_ns)
            since = before[2] if before is not None and same else now
            heard[record.key] = (record.token, record.heartbeat_ns, since)
        self._heard = heard
        return [record for record in running if now - heard[record.key][2] >= LEASE_S]

    def _fail_defused(self, before_ns: int) -> int:
        """Fail waiting jobs whose firework was ended by somebody else; return how many.

        A firework that fizzled under a launcher of ours, whose check-out the database did not
        answer, is not somebody else's doing: it is made ready again.
        """
        waiting = self._shelf.queued_fireworks(before_ns)
        ended = self._workflows.ended(sorted(waiting)) if waiting else {}
        for firework, state in ended.items():
            if state == "FIZZLED" and self._after.take_up_again(waiting[firework], firework):
                continue
            self.refuse(
                firework,
                f"Its firework {firework} was {state.lower()} outside AtomLoop.",
                "Submit it again under a new key, and leave its firework to AtomLoop.",
            )
        return len(ended)

    def _free_stuck(self, before_ns: int) -> int:
        """Make ready the fireworks of jobs that were given back by a launcher that then died."""
        waiting = self._shelf.queued_fireworks(before_ns)
        stuck = self._workflows.stuck(sorted(waiting)) if waiting else []
        for firework in stuck:
            self._workflows.requeue(firework)
        return len(stuck)

    def _expire(self, record: JobRecord) -> None:
        """Take a running job from a launcher that fell silent."""
        lived_s = max(0, record.heartbeat_ns - record.claimed_at_ns) / 1e9
        failure = Failure(
            FailureKind.VANISHED,
            f"the last was {record.worker}.",
            "Look for crashes or lack of memory on that host; use a cheaper level.",
            Spent(wall_s=lived_s),
        )
        if self._after.follow(record, failure, JobEvent.EXPIRED) == "failed":
            self.settle(record.key)
