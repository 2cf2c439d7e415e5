"""Whether this host can run the edge as it is set, and what to do where it cannot."""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec
from typing import Final

from edge_agent.conversation import is_listening
from edge_agent.settings import EdgeSettings, LinkSettings
from shared.checks import Check
from shared.errors import ConfigurationError, MissingDependencyError
from shared.transport import open_endpoint

__all__ = ["checks"]

_PACKAGES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "nion": ("nion", ("nion.instrumentation", "nion.usim_device")),
    "replay": ("files", ("h5py", "PIL", "tifffile")),
}
"""By source: the extra that brings its packages, and what it imports."""


def checks(settings: EdgeSettings) -> dict[str, Check]:
    """Return what the edge needs to look at; nothing is changed and nothing acquired."""
    kind = settings.source.kind
    return {
        "Python": lambda: sys.version.split(maxsplit=1)[0],
        f"packages of source {kind}": lambda: _packages(kind),
        "keys": lambda: _keys(settings.link),
        "inference service": lambda: _endpoint(settings.link.endpoint),
    }


def _packages(kind: str) -> str:
    extra, names = _PACKAGES[kind]
    missing = [name for name in names if not _is_there(name)]
    if missing:
        raise MissingDependencyError(
            f"missing: {', '.join(missing)}", remedy=f"Run: pip install 'atomloop[{extra}]'."
        )
    return "complete"


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _keys(link: LinkSettings) -> str:
    open_endpoint(link, "edge-agent")
    return f"{link.key_file}, service {link.server_key}"


def _endpoint(endpoint: str) -> str:
    if not asyncio.run(is_listening(endpoint)):
        raise ConfigurationError(
            f"nothing listens at {endpoint}",
            remedy="Start the inference service, or correct link.endpoint.",
        )
    return f"{endpoint} accepts connections"
