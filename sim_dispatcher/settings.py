"""The settings tree of sim_dispatcher: ``ATOMLOOP_DISPATCHER_…`` and one TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.messages import Identifier, Level
from shared.settings import LogSettings, Section, ServiceSettings
from shared.transport import DialSettings
from sim_dispatcher.batch.settings import BatchSettings

__all__ = [
    "BudgetSettings",
    "DatabaseSettings",
    "DispatcherSettings",
    "LadderSettings",
    "LaunchSettings",
    "LinkSettings",
    "SelectionSettings",
]


class LinkSettings(DialSettings):
    """The frame link, as the dispatcher dials it."""

    name: Identifier = Field(default="dispatcher", description="What operators call it.")


class DatabaseSettings(Section):
    """The LaunchPad and the ledger: any MongoDB-protocol server, by URI alone."""

    uri: str = Field(
        default="mongodb://127.0.0.1:27017/",
        description="MongoDB URI; a Unix socket's path is percent-encoded.",
    )
    name: Identifier = Field(default="atomloop", description="Name of the database.")


class LaunchSettings(Section):
    """How jobs are run."""

    folder: Path = Field(
        default=Path(".atomloop/jobs"), description="Each job gets a folder of its own in here."
    )
    signing_key: Path | None = Field(
        default=None,
        description="Key that signs jobs (mode 0600, made if missing); unset = folder/launch.key.",
    )
    worker: Identifier | None = Field(
        default=None, description="Name of a launcher; unset = host name."
    )
    threads: Annotated[int, Field(ge=1, le=256)] = Field(
        default=1, description="Threads of the engines in one launcher."
    )
    workers: Annotated[int, Field(ge=1, le=256)] = Field(
        default=1, description="Lanes of a launcher for long jobs, beside two for shorter ones."
    )
    memory_MB: Annotated[int, Field(ge=500)] | None = Field(
        default=None, description="Address space of one engine, MB; unset = 80 % of the memory."
    )

    @property
    def key_file(self) -> Path:
        """The signing key, set or by default."""
        return self.signing_key or self.folder / "launch.key"


class SelectionSettings(Section):
    """Which defects are computed, and in which order."""

    min_p: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.8, description="Least probability of a defect that is computed."
    )
    middling_p: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.4,
        description="From here up to min_p a defect is flagged as unknown, to be looked at closer.",
    )
    max_blur_A: Annotated[float, Field(gt=0)] = Field(
        default=0.25,
        description="Largest standard error (one axis) of the atoms near a defect computed, Å.",
    )
    min_frames: Annotated[int, Field(ge=1)] = Field(
        default=1, description="Frames in which it must have been seen."
    )
    changed_frames: Annotated[int, Field(ge=1)] = Field(
        default=2,
        description="Frames running that show another class in its place before the beam is held "
        "to have changed it.",
    )
    reshaped_frames: Annotated[int, Field(ge=1)] = Field(
        default=4, description="The same for another shape of the same class."
    )
    fresh_frames: Annotated[float, Field(gt=0)] = Field(
        default=4, description="Frames without it that halve its priority."
    )
    stale_frames: Annotated[int, Field(ge=1)] = Field(
        default=12, description="Frames without it after which it is stale."
    )
    stale_jobs: Literal["demote", "cancel", "keep"] = Field(
        default="demote", description="What becomes of the waiting jobs of a stale ROI."
    )
    frames_kept: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=64, description="Frames whose atoms are kept for cutting."
    )
    doubts: Literal["refuse", "lower"] = Field(
        default="refuse",
        description="Whether atoms that may or may not be there, near a defect, keep it from being "
        "computed or lower its priority.",
    )
    at_once: Annotated[int, Field(ge=1)] = Field(
        default=4,
        description="ROIs whose first answers wait or run at a time; the ranking may change till "
        "then.",
    )
    radius_A: Annotated[float, Field(gt=3, lt=50)] = Field(
        default=8.99, description="Radius of the cut-out, Å; 8.99 gives 91 carbon atoms."
    )


class BudgetSettings(Section):
    """What a session may use; what the operator picks goes beyond it."""

    rois: Annotated[int, Field(ge=0)] = Field(default=40, description="ROIs computed.")
    jobs: Annotated[int, Field(ge=0)] = Field(
        default=200, description="Jobs started for them, error bars included."
    )
    cpu_h: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="CPU-hours; unset = no limit."
    )
    random_share: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.1,
        description="Random patches of bare sheet computed per defect, as its yardstick.",
    )


class LadderSettings(Section):
    """By which theory a ROI is computed."""

    levels: Annotated[tuple[Level, ...], Field(min_length=1)] = Field(
        default=("gfnff", "gfn1"), description="Asked for every ROI at once, quickest first."
    )
    error_bar: bool = Field(
        default=True, description="Whether an error bar follows the highest of them."
    )
    high: Level | None = Field(
        default=None,
        description="Level above them, asked on a small cut (24 heavy atoms at most) where they "
        "contradict each other, or the operator asks; unset = none.",
    )
    bond_A: Annotated[float, Field(ge=0)] = Field(
        default=0.03, description="They contradict each other from this difference of a bond, Å."
    )
    rms_A: Annotated[float, Field(ge=0)] = Field(
        default=0.3, description="Or from this distance of their relaxed structures, Å."
    )
    elsewhere: tuple[Level, ...] = Field(
        default=(), description="Levels that only launchers on other hosts run."
    )


class DispatcherSettings(ServiceSettings):
    """Everything an operator can set on sim_dispatcher."""

    model_config = SettingsConfigDict(env_prefix="ATOMLOOP_DISPATCHER_")

    link: LinkSettings = LinkSettings()
    database: DatabaseSettings = DatabaseSettings()
    launch: LaunchSettings = LaunchSettings()
    selection: SelectionSettings = SelectionSettings()
    budget: BudgetSettings = BudgetSettings()
    ladder: LadderSettings = LadderSettings()
    batch: BatchSettings = BatchSettings()
    log: LogSettings = LogSettings()
