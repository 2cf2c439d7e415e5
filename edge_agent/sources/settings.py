"""Where frames come from, and what can be set on each source."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge_agent.sources.nion_settings import NionSettings
from edge_agent.sources.replay_settings import ReplaySettings
from shared.settings import Section

__all__ = ["SourceSettings"]


class SourceSettings(Section):
    """Which source, and how each is set."""

    kind: Literal["nion", "replay"] = Field(
        default="nion", description="`nion`: Nion's scan API; `replay`: image files."
    )
    nion: NionSettings = NionSettings()
    replay: ReplaySettings = ReplaySettings()
