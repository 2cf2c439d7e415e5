"""The keys of the frame link, from settings to an endpoint that can be dialled."""

from __future__ import annotations

from pathlib import Path

from edge_agent.settings import LinkSettings
from shared.errors import KeyRefusedError
from shared.transport import Endpoint, load_keys, load_public_key

__all__ = ["credentials"]


def credentials(link: LinkSettings) -> Endpoint:
    """Read the keys that the settings name.

    Raises:
        KeyRefusedError: A key is not set, missing, malformed, or readable by others.
    """
    own = _named(link.key_file, "link.key_file", "Run: edge-agent keys FOLDER; then set it.")
    server = _named(
        link.server_key, "link.server_key", "Copy the service's .key file here; then set it."
    )
    return Endpoint(link.endpoint, load_public_key(server), load_keys(own))


def _named(path: Path | None, setting: str, remedy: str) -> Path:
    if path is None:
        raise KeyRefusedError(f"{setting} is not set: the link is always encrypted.", remedy=remedy)
    return path.expanduser()
