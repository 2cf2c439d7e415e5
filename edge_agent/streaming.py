"""A streaming process from settings to exit code."""

from __future__ import annotations

import asyncio
import signal
import sys
from types import FrameType

import typer

from edge_agent.app import stream
from edge_agent.settings import EdgeSettings
from edge_agent.sources.catalogue import open_source
from shared.clock import SystemClock
from shared.logs import configure_logs

__all__ = ["stream_to_the_end"]


def stream_to_the_end(settings: EdgeSettings) -> None:
    """Stream the source that the settings choose; list the inputs that gave no atoms.

    Raises:
        AtomLoopError: The source gave up, or the service refuses this edge.
        Exit: With code 1 if an input gave no atoms.
    """
    signal.signal(signal.SIGTERM, _end)
    configure_logs(settings.log)
    clock = SystemClock()
    source = open_source(settings.source, clock)
    failures = asyncio.run(stream(source, settings, clock))
    if not failures:
        return
    typer.echo(f"{len(failures)} input(s) gave no atoms:", err=True)
    for failure in failures:
        typer.echo(f"  {failure.origin}: {failure.reason}", err=True)
    raise typer.Exit(1)


def _end(number: int, frame: FrameType | None) -> None:
    """Take SIGTERM before and after streaming; while streaming the loop takes it."""
    del number, frame
    sys.exit(0)
