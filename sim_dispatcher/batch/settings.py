"""Settings of the batch system: the section `[batch]` of the dispatcher's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from shared.messages import Level, Recipe
from shared.settings import Section
from sim_dispatcher.launch.queue_request import QueueName

__all__ = ["BatchSettings"]

WORK_S: Final = 120
"""Least time between a job's start and Slurm's warning, s; Slurm may send it 60 s early."""


class BatchSettings(Section):
    """Which jobs go to Slurm, and what they ask of it; by default none do."""

    levels: tuple[Level, ...] = Field(
        default=(), description="Levels of theory that are computed in Slurm."
    )
    recipes: tuple[Recipe, ...] = Field(
        default=(), description="Recipes that are computed in Slurm at any level, such as md."
    )
    min_atoms: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Clusters of so many atoms are computed in Slurm; unset = never."
    )
    partition: QueueName = Field(default="live", description="Partition of usual jobs.")
    urgent_partition: QueueName = Field(
        default="urgent",
        description="Partition of what the operator picked; it may preempt the other.",
    )
    urgent_priority: float = Field(
        default=1000.0, description="Priority from which a job counts as picked by the operator."
    )
    walltime_min: Annotated[int, Field(ge=4, le=59_999)] = Field(
        default=60, description="Time limit of a job, minutes; longer ones go on from a checkpoint."
    )
    warning_s: Annotated[int, Field(ge=60, le=3600)] = Field(
        default=120, description="Slurm says so long before the limit that it is near."
    )
    cpus: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=1, description="Processors of a job."
    )
    memory_MB: Annotated[int, Field(ge=100, lt=10_000_000)] = Field(
        default=2000, description="Memory of a job, MB."
    )
    account: QueueName | None = Field(default=None, description="Account that pays.")
    qos: QueueName | None = Field(default=None, description="Quality of service.")
    constraint: QueueName | None = Field(default=None, description="Feature of the nodes.")
    folder: Path = Field(
        default=Path(".atomloop/batch"),
        description="FireWorks' files and the jobs' scripts; seen by login node and nodes alike.",
    )
    at_once: Annotated[int, Field(ge=1)] = Field(
        default=50, description="Jobs that wait or run in Slurm at a time."
    )
    look_s: Annotated[float, Field(gt=0)] = Field(
        default=5.0, description="Time between two looks at the whole queue, s."
    )

    @model_validator(mode="after")
    def _time_to_work(self) -> Self:
        """Refuse a warning that comes before anything is computed; Slurm sends it a minute early.

        Raises:
            ValueError: It does.
        """
        if self.warning_s + WORK_S > 60 * self.walltime_min:
            raise ValueError(
                f"walltime_min = {self.walltime_min} leaves no time to compute before the warning; "
                f"at least {(self.warning_s + WORK_S + 59) // 60} would."
            )
        return self
