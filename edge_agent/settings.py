"""The settings tree of edge_agent: ``ATOMLOOP_EDGE_…`` and one TOML file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from edge_agent.sources.settings import SourceSettings
from shared.messages import Identifier
from shared.settings import LogSettings, Section, ServiceSettings
from shared.transport import DialSettings

__all__ = [
    "EdgeSettings",
    "LinkSettings",
    "OutboxSettings",
]


class LinkSettings(DialSettings):
    """The frame link, as the edge dials it."""

    name: Identifier = Field(default="edge", description="What operators call this edge.")
    patience_s: Annotated[float, Field(ge=0)] = Field(
        default=20.0,
        description="How long a service that answers but refuses is asked again at start, s.",
    )


class OutboxSettings(Section):
    """What the edge keeps until its atoms are back."""

    max_frames: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=64, description="Most frames kept; a live source sends the newest first."
    )
    max_bytes: Annotated[int, Field(ge=1)] = Field(
        default=256 * 2**20, description="Most compressed bytes kept."
    )
    drain_s: Annotated[float, Field(ge=0)] = Field(
        default=3.0, description="How long a stopped live edge waits for open answers, s."
    )


class EdgeSettings(ServiceSettings):
    """Everything an operator can set on edge_agent."""

    model_config = SettingsConfigDict(env_prefix="ATOMLOOP_EDGE_")

    session: Identifier | None = Field(
        default=None, description="Name of the session; unset = made from date and time."
    )
    link: LinkSettings = LinkSettings()
    source: SourceSettings = SourceSettings()
    outbox: OutboxSettings = OutboxSettings()
    log: LogSettings = LogSettings()
