"""Settings trees written as TOML, for the services to read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeAlias

__all__ = ["Tree", "to_toml"]

Tree: TypeAlias = Mapping[str, "str | int | float | bool | list[str] | Tree | None"]
"""Scalars, lists of text, and tables of them; None leaves an entry to its default."""


def to_toml(tree: Tree) -> str:
    """Write a settings tree as TOML; entries that are None are left out."""
    return "\n".join(_lines(tree, "")) + "\n"


def _lines(tree: Tree, path: str) -> list[str]:
    lines, tables = [], []
    for name, value in tree.items():
        if isinstance(value, Mapping):
            inner = f"{path}.{name}" if path else name
            tables += [f"[{inner}]", *_lines(value, inner)]
        elif value is not None:
            lines.append(f"{name} = {json.dumps(value)}")  # JSON's scalars and lists are TOML's
    return lines + tables
