"""What an edge calls itself, its stream and its session."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from shared.protocol import Identity
from shared.software import fresh_stream, software

__all__ = ["identity", "session_name"]


def identity(name: str) -> Identity:
    """Return who this process is on the link; its stream is fresh."""
    return Identity("edge", name, software(), fresh_stream("edge"))


def session_name(wall_ns: int) -> str:
    """Return a name for a session that starts now, sortable by date.

    Args:
        wall_ns: Wall clock, ns since the Unix epoch.
    """
    start = datetime.fromtimestamp(wall_ns / 1e9, tz=UTC)
    return f"{start:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
