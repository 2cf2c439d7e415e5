"""How an edge or a dispatcher finds the service: settings, and the endpoint they make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from shared.errors import KeyRefusedError
from shared.settings import Section
from shared.transport.client import Endpoint
from shared.transport.keys import load_keys, load_public_key

__all__ = ["DialSettings", "open_endpoint"]


class DialSettings(Section):
    """Where the inference service is, and how each side knows the other."""

    endpoint: Annotated[str, Field(pattern=r"^tcp://[^/\s]+:\d{1,5}$")] = Field(
        default="tcp://127.0.0.1:8601", description="Frame link of the service, tcp://host:port."
    )
    server_key: Path | None = Field(
        default=None, description="File with the service's public key (NAME.key), pinned."
    )
    key_file: Path | None = Field(
        default=None, description="This side's own secret key (NAME.key_secret), mode 0600."
    )


def open_endpoint(link: DialSettings, program: str) -> Endpoint:
    """Read the keys that the settings name.

    Args:
        link: The settings.
        program: Whose `keys` command makes a pair; for the remedy.

    Raises:
        KeyRefusedError: A key is not set, missing, malformed, or readable by others.
    """
    own = _named(link.key_file, "link.key_file", f"Run: {program} keys FOLDER; then set it.")
    server = _named(
        link.server_key, "link.server_key", "Copy the service's .key file here; then set it."
    )
    return Endpoint(link.endpoint, load_public_key(server), load_keys(own))


def _named(path: Path | None, setting: str, remedy: str) -> Path:
    if path is None:
        raise KeyRefusedError(f"{setting} is not set: the link is always encrypted.", remedy=remedy)
    return path.expanduser()
