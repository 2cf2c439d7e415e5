"""The LaunchPad side of the ledger: one workflow of one firework per job.

Fan-out workflows are avoided: FireWorks locks a workflow for every change of one of its fireworks,
which makes a fan-out of fifty twenty times slower than fifty workflows.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import structlog
from fireworks import Firework, Workflow

from shared.clock import Clock
from shared.messages.simulation import JobState
from sim_dispatcher.launch.admission import task_document
from sim_dispatcher.launch.firetasks.compute import TASK_NAME, ComputeTask
from sim_dispatcher.launch.launchpad import FIREWORKS_ERRORS, force_state
from sim_dispatcher.launch.queue_request import FIELD
from sim_dispatcher.launch.routing import BATCH, LOCAL, STAGING, LocalRouter, Router
from sim_dispatcher.launch.signing import SigningKey
from sim_dispatcher.ledger import JobSpec

__all__ = ["LaunchPadWorkflows"]

ORPHAN_AGE_S: Final = 60.0
"""A staged firework without workflow is left to its submitter for so long."""

_ENDED: Final = frozenset({"COMPLETED", "FIZZLED", "DEFUSED", "ARCHIVED"})

_END_OF: Final = {"done": "COMPLETED", "failed": "FIZZLED", "cancelled": "DEFUSED"}
"""How a firework ends, by how its job ended."""

log = structlog.get_logger(__name__)


class LaunchPadWorkflows:
    """Jobs as workflows in a stock LaunchPad.

    Args:
        launchpad: From `open_launchpad`.
        key: Signs the jobs.
        clock: Wall time, to tell orphans from submissions under way.
        router: Decides which launchers see a job; None sends all to this host's.
    """

    def __init__(
        self, launchpad: Any, key: SigningKey, clock: Clock, router: Router | None = None
    ) -> None:
        self._launchpad = launchpad
        self._key = key
        self._clock = clock
        self._router = router or LocalRouter()
        self._added: dict[int, str] = {}

    def stage(self, spec: JobSpec) -> int:
        """Add the job's workflow where no launcher sees it, unless it is there; return `fw_id`."""
        known = self._launchpad.workflows.find_one({"metadata.job": spec.key}, {"nodes": 1})
        if known is not None:
            number = int(known["nodes"][0])
            self._added.pop(number, None)
            return number
        route = self._router.route(spec)
        fields: dict[str, Any] = {"_category": STAGING, "_priority": spec.priority}
        if route.request is not None:
            fields[FIELD] = route.request.as_document()
        task = ComputeTask(**task_document(spec, self._key))
        firework = Firework(task, spec=fields, name=spec.key)
        metadata = {"job": spec.key, "roi": spec.roi, "category": route.category}
        numbers = self._launchpad.add_wf(Workflow([firework], name=spec.key, metadata=metadata))
        number = int(next(iter(numbers.values())))
        self._added[number] = route.category
        return number

    def is_whole(self, firework: int) -> bool:
        """Tell whether both the firework and its workflow are in the database."""
        if firework in self._added:
            return True  # both inserts were acknowledged
        first = self._launchpad.fireworks.find_one({"fw_id": firework}, {"fw_id": 1})
        return first is not None and self._workflow_exists(firework)

    def open(self, firework: int) -> None:
        """Let launchers see a staged firework."""
        category = self._added.pop(firework, None)
        if category is None:
            fields = {"metadata.category": 1}
            workflow = self._launchpad.workflows.find_one({"nodes": firework}, fields)
            category = (workflow or {}).get("metadata", {}).get("category", LOCAL)
        self._launchpad.fireworks.update_one(
            {"fw_id": firework, "spec._category": STAGING},
            {"$set": {"spec._category": category}},
        )

    def prioritise(self, firework: int, priority: float) -> None:
        """Change the order in which fireworks are checked out: larger first.

        One that goes to a batch system goes to the partition of its priority there.
        """
        self._launchpad.set_priority(firework, priority)
        queue = self._router.queue(priority)
        if queue is not None:
            self._launchpad.fireworks.update_one(
                {"fw_id": firework, f"spec.{FIELD}": {"$exists": True}},
                {"$set": {f"spec.{FIELD}.queue": queue}},
            )

    def settle(self, firework: int, state: JobState) -> None:
        """Bring a firework to an end that agrees with its job's, where it has not ended."""
        document = self._launchpad.fireworks.find_one(
            {"fw_id": firework}, {"state": 1, "launches": 1}
        )
        if document is None:
            return
        end = _END_OF[state] if document.get("launches") else "DEFUSED"
        if document["state"] in _ENDED:
            if (document["state"], end) == ("FIZZLED", "COMPLETED"):
                force_state(self._launchpad, firework, {"state": end})
            return
        try:
            if end == "DEFUSED":
                self._launchpad.defuse_fw(firework)
            else:
                self._launchpad.complete_launch(document["launches"][-1], state=end)
            if not self.ended([firework]):  # FireWorks gives up without a word on a locked workflow
                force_state(self._launchpad, firework, {"state": end})
        except FIREWORKS_ERRORS as error:
            log.warning("firework ended by force", firework=firework, error=str(error)[-200:])
            force_state(self._launchpad, firework, {"state": end})

    def requeue(self, firework: int) -> None:
        """Make a firework ready again after its launcher gave it back or vanished.

        One that fizzled is, too: FireWorks fizzles it when the database is away in mid-change.
        """
        running = self._launchpad.fireworks.find_one(
            {"fw_id": firework, "state": {"$in": ["RUNNING", "RESERVED", "FIZZLED"]}}, {"fw_id": 1}
        )
        if running is None:
            return
        try:
            self._launchpad.rerun_fw(firework)
        except FIREWORKS_ERRORS as error:
            log.warning("firework requeued by force", firework=firework, error=str(error)[-200:])
            force_state(self._launchpad, firework, {"state": "READY"})

    def ended(self, fireworks: list[int]) -> dict[int, str]:
        """Return those of some fireworks that have ended, each with how."""
        query = {"fw_id": {"$in": fireworks}, "state": {"$in": sorted(_ENDED)}}
        found = self._launchpad.fireworks.find(query, {"fw_id": 1, "state": 1})
        return {int(document["fw_id"]): str(document["state"]) for document in found}

    def stuck(self, fireworks: list[int]) -> list[int]:
        """Return those of some fireworks that are checked out.

        Those that wait in a batch system are reserved for good reason; its watch looks after them.
        """
        query = {
            "fw_id": {"$in": fireworks},
            "state": {"$in": ["RUNNING", "RESERVED"]},
            "spec._category": {"$ne": BATCH},
        }
        return [
            int(found["fw_id"]) for found in self._launchpad.fireworks.find(query, {"fw_id": 1})
        ]

    def sweep(self) -> int:
        """Remove staged fireworks that a crash left without a workflow; return how many."""
        now = dt.datetime.fromtimestamp(self._clock.wall_ns() / 1e9, dt.UTC)
        swept = 0
        staged = {"spec._category": STAGING, "spec._tasks._fw_name": TASK_NAME}
        for document in self._launchpad.fireworks.find(staged, {"fw_id": 1, "created_on": 1}):
            age = now - _instant(document["created_on"])
            if age.total_seconds() < ORPHAN_AGE_S or self._workflow_exists(document["fw_id"]):
                continue
            self._launchpad.fireworks.delete_one({"fw_id": document["fw_id"]})
            swept += 1
        return swept

    def _workflow_exists(self, firework: int) -> bool:
        return self._launchpad.workflows.find_one({"nodes": firework}, {"nodes": 1}) is not None


def _instant(value: object) -> dt.datetime:
    """Return a stored time, which FireWorks keeps as text or as a date, in UTC."""
    instant = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
    return instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)
