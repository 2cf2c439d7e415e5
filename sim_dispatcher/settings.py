"""The settings tree of sim_dispatcher: ``ATOMLOOP_DISPATCHER_…`` and one TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.messages import Identifier, Level
from shared.settings import LogSettings, Section, ServiceSettings
from shared.transport import DialSettings
from sim_dispatcher.batch.settings import BatchSettings

__all__ = [
    "DatabaseSettings",
    "DispatcherSettings",
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
        default=1, description="Lanes of a launcher that take long jobs, beside two that do not."
    )
    memory_MB: Annotated[int, Field(ge=500)] | None = Field(
        default=None, description="Address space of one engine, MB; unset = all there is."
    )

    @property
    def key_file(self) -> Path:
        """The signing key, set or by default."""
        return self.signing_key or self.folder / "launch.key"


class SelectionSettings(Section):
    """Which defects are computed."""

    min_p: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.8, description="Least probability of a defect that is computed."
    )
    min_frames: Annotated[int, Field(ge=1)] = Field(
        default=1, description="Frames in which it must have been seen."
    )
    max_rois: Annotated[int, Field(ge=0)] = Field(
        default=40, description="ROIs computed in a session: the budget."
    )
    at_once: Annotated[int, Field(ge=1)] = Field(
        default=4, description="ROIs that wait or run at a time; the ranking may change till then."
    )
    radius_A: Annotated[float, Field(gt=3, lt=50)] = Field(
        default=8.99, description="Radius of the cut-out, Å; 8.99 gives 91 carbon atoms."
    )
    levels: tuple[Level, ...] = Field(
        default=("gfnff", "gfn1"), description="Levels of theory, quickest first."
    )


class DispatcherSettings(ServiceSettings):
    """Everything an operator can set on sim_dispatcher."""

    model_config = SettingsConfigDict(env_prefix="ATOMLOOP_DISPATCHER_")

    link: LinkSettings = LinkSettings()
    database: DatabaseSettings = DatabaseSettings()
    launch: LaunchSettings = LaunchSettings()
    selection: SelectionSettings = SelectionSettings()
    batch: BatchSettings = BatchSettings()
    log: LogSettings = LogSettings()
