"""From settings to a source; each source's packages are imported only when it is chosen."""

from __future__ import annotations

import contextlib
import importlib
import io

from edge_agent.sources.base import FrameSource
from edge_agent.sources.nion_settings import NionSettings
from edge_agent.sources.replay_settings import ReplaySettings
from edge_agent.sources.settings import SourceSettings
from shared.clock import Clock
from shared.errors import ConfigurationError, MissingDependencyError

__all__ = ["open_source"]


def open_source(settings: SourceSettings, clock: Clock) -> FrameSource:
    """Return the source that the settings choose; nothing is acquired yet.

    Raises:
        MissingDependencyError: An optional package that it needs is not installed.
        ConfigurationError: A setting that it needs is missing.
    """
    match settings.kind:
        case "nion":
            return _open_nion(settings.nion, clock)
        case "replay":
            return _open_replay(settings.replay, clock)


def _open_nion(settings: NionSettings, clock: Clock) -> FrameSource:
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # Nion's modules print on import
            nion = importlib.import_module("edge_agent.sources.nion")
    except ImportError as error:
        raise MissingDependencyError(
            f"Nion's acquisition API is not installed ({error.name} is missing).",
            remedy="Run: pip install 'atomloop[nion]'.",
        ) from error
    source: FrameSource = nion.NionSource(settings, clock)
    return source


def _open_replay(settings: ReplaySettings, clock: Clock) -> FrameSource:
    if not settings.paths:
        raise ConfigurationError(
            "Replay has no files.", remedy="Name files or folders: edge-agent replay PATH…"
        )
    replay = importlib.import_module("edge_agent.sources.replay")
    source: FrameSource = replay.ReplaySource(settings, clock)
    return source
