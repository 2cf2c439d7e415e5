"""Which jobs go to the batch system: a pure decision on a job's specification."""

from __future__ import annotations

from sim_dispatcher.batch.settings import BatchSettings
from sim_dispatcher.launch.queue_request import QueueRequest
from sim_dispatcher.launch.routing import BATCH, LocalRouter, Route
from sim_dispatcher.ledger import JobSpec

__all__ = ["BatchRouter"]


class BatchRouter:
    """Sends jobs to Slurm by level, recipe and size; the rest stays on the dispatcher's host.

    Args:
        settings: The section `[batch]`.
    """

    def __init__(self, settings: BatchSettings) -> None:
        self._settings = settings
        self._local = LocalRouter()

    def route(self, spec: JobSpec) -> Route:
        """Return where a job goes."""
        settings = self._settings
        named = spec.level in settings.levels or spec.recipe in settings.recipes
        large = settings.min_atoms is not None and _atoms(spec) >= settings.min_atoms
        if not (named or large):
            return self._local.route(spec)
        hours, minutes = divmod(settings.walltime_min, 60)
        request = QueueRequest(
            queue=self.queue(spec.priority),
            walltime=f"{hours:02d}:{minutes:02d}:00",
            cpus_per_task=settings.cpus,
            mem=f"{settings.memory_MB}M",
        )
        return Route(BATCH, request)

    def queue(self, priority: float) -> str:
        """Return the urgent partition for what the operator picked, the usual one for all else."""
        settings = self._settings
        picked = priority >= settings.urgent_priority
        return settings.urgent_partition if picked else settings.partition


def _atoms(spec: JobSpec) -> int:
    """Return the number on the first line of the structure, which is extended XYZ."""
    first = spec.structure.split("\n", 1)[0].strip()
    return int(first) if first.isdecimal() else 0
