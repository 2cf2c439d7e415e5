"""What an edge calls itself, its stream and its session."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from importlib.metadata import version

from shared.protocol import Identity

__all__ = ["identity", "session_name", "software"]


def software() -> str:
    """Return distribution and version."""
    return f"atomloop {version('atomloop')}"


def identity(name: str) -> Identity:
    """Return who this process is on the link; its stream is fresh."""
    return Identity("edge", name, software(), f"edge-{secrets.token_hex(12)}")


def session_name(wall_ns: int) -> str:
    """Return a name for a session that starts now, sortable by date.

    Args:
        wall_ns: Wall clock, ns since the Unix epoch.
    """
    start = datetime.fromtimestamp(wall_ns / 1e9, tz=UTC)
    return f"{start:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
