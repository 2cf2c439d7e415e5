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
from sim_dispatcher.launch.launchpad import FIREWORKS_ERRORS, force_state
from sim_dispatcher.launch.signing import SigningKey
from sim_dispatcher.launch.task import TASK_NAME, ComputeTask
from sim_dispatcher.ledger import JobSpec

__all__ = ["LOCAL", "STAGING", "LaunchPadWorkflows"]

STAGING: Final = "atomloop-staging"
"""The category of fireworks that no launcher serves yet."""

LOCAL: Final = "atomloop-local"
"""The category that a launcher on the dispatcher's host serves."""

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
        category: The fireworker category that the jobs go to.
    """

    def __init__(
        self, launchpad: Any, key: SigningKey, clock: Clock, category: str = LOCAL
    ) -> None:
        self._launchpad = launchpad
        self._key = key
        self._clock = clock
        self._category = category

    def stage(self, spec: JobSpec) -> int:
        """Add the job's workflow where no launcher sees it, unless it is there; return `fw_id`."""
        known = self._launchpad.workflows.find_one({"metadata.job": spec.key}, {"nodes": 1})
        if known is not None:
            return int(known["nodes"][0])
        firework = Firework(
            ComputeTask(**task_document(spec, self._key)),
            spec={"_category": STAGING, "_priority": spec.priority},
            name=spec.key,
        )
        metadata = {"job": spec.key, "roi": spec.roi}
        numbers = self._launchpad.add_wf(Workflow([firework], name=spec.key, metadata=metadata))
        return int(next(iter(numbers.values())))

    def is_whole(self, firework: int) -> bool:
        """Tell whether both the firework and its workflow are in the database."""
        first = self._launchpad.fireworks.find_one({"fw_id": firework}, {"fw_id": 1})
        return first is not None and self._workflow_exists(firework)

    def open(self, firework: int) -> None:
        """Let launchers see a staged firework."""
        self._launchpad.fireworks.update_one(
            {"fw_id": firework, "spec._category": STAGING},
            {"$set": {"spec._category": self._category}},
        )

    def prioritise(self, firework: int, priority: float) -> None:
        """Change the order in which fireworks are checked out: larger first."""
        self._launchpad.set_priority(firework, priority)

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
        """Return those of some fireworks that are checked out."""
        query = {"fw_id": {"$in": fireworks}, "state": {"$in": ["RUNNING", "RESERVED"]}}
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
