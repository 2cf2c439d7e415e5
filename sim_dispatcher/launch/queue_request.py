"""What a job asks of a batch system: typed values alone, which go into a job script as they are.

FireWorks copies `spec._queueadapter` into the script that `sbatch` runs. So nothing may stand there
but these fields, and no value that a shell or a directive could read as anything else.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from shared.messages.base import Part

__all__ = ["FIELD", "QueueName", "QueueRequest"]

FIELD: Final = "_queueadapter"
"""Where FireWorks' qlaunch looks for it in a firework's specification."""

QueueName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]
"""Name of a partition, an account, a quality of service or a constraint."""


class QueueRequest(Part):
    """Partition, time, processors and memory of one job."""

    queue: QueueName
    """The partition."""
    walltime: Annotated[str, Field(pattern=r"^[0-9]{1,3}:[0-5][0-9]:[0-5][0-9]$")]
    """Hours, minutes and seconds."""
    cpus_per_task: Annotated[int, Field(ge=1, le=1024)] = 1
    mem: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,7}M$")] = "2000M"
    """Megabytes."""

    def as_document(self) -> dict[str, Any]:
        """Return it as `spec._queueadapter` keeps it."""
        return self.model_dump()
