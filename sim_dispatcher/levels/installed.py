"""Which optional packages this host has."""

from __future__ import annotations

import importlib.metadata
import importlib.util

__all__ = ["absent", "package"]


def absent(name: str, extra: str) -> str | None:
    """Say that a package is missing and which extra brings it, or None where it is there."""
    if importlib.util.find_spec(name) is None:
        return f"the `{name}` package is not installed: pip install 'atomloop[{extra}]'"
    return None


def package(name: str) -> str:
    """Return a package's name, with its version where it is installed."""
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return name
