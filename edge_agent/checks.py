"""Whether this host can run the edge as it is set, and what to do where it cannot."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from edge_agent.conversation import is_listening
from edge_agent.credentials import credentials
from edge_agent.settings import EdgeSettings, LinkSettings
from shared.errors import KeyRefusedError

__all__ = ["Finding", "examine"]

_PACKAGES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "nion": ("nion", ("nion.instrumentation", "nion.usim_device")),
    "replay": ("files", ("h5py", "PIL", "tifffile")),
}
"""By source: the extra that brings its packages, and what it imports."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: What.
        well: Whether it is as it should be.
        detail: What was found.
        remedy: What to do where it is not well.
    """

    subject: str
    well: bool
    detail: str
    remedy: str = ""


def examine(settings: EdgeSettings) -> list[Finding]:
    """Look at everything the edge needs; nothing is changed and nothing acquired."""
    return [
        _python(),
        _packages(settings.source.kind),
        _keys(settings.link),
        _endpoint(settings.link.endpoint),
    ]


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 11), found, "Install Python 3.11 or newer.")


def _packages(kind: str) -> Finding:
    extra, names = _PACKAGES[kind]
    missing = [name for name in names if not _is_there(name)]
    detail = f"missing: {', '.join(missing)}" if missing else "complete"
    remedy = f"Run: pip install 'atomloop[{extra}]'."
    return Finding(f"packages of source {kind}", not missing, detail, remedy)


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _keys(link: LinkSettings) -> Finding:
    try:
        credentials(link)
    except KeyRefusedError as error:
        return Finding("keys", well=False, detail=error.message, remedy=error.remedy)
    return Finding("keys", well=True, detail=f"{link.key_file}, service {link.server_key}")


def _endpoint(endpoint: str) -> Finding:
    well = asyncio.run(is_listening(endpoint))
    detail = f"{endpoint} accepts connections" if well else f"nothing listens at {endpoint}"
    remedy = "Start the inference service, or correct link.endpoint."
    return Finding("inference service", well, detail, remedy)
