"""What a process calls itself on the wire, in logs and in provenance."""

from __future__ import annotations

import secrets
from importlib.metadata import version

__all__ = ["fresh_stream", "software"]


def software() -> str:
    """Return distribution and version."""
    return f"atomloop {version('atomloop')}"


def fresh_stream(role: str) -> str:
    """Return a stream name that no other start of any process has."""
    return f"{role}-{secrets.token_hex(12)}"
