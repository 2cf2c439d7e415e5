"""The settings tree written as TOML, each key with what it means."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

__all__ = ["listing"]


def listing(settings: BaseModel) -> str:
    """Return a settings tree as TOML that reads back to the same tree.

    Keys that are unset are written as comments.
    """
    return "\n".join(_section(settings, ())).strip() + "\n"


def _section(section: BaseModel, path: tuple[str, ...]) -> list[str]:
    plain: list[str] = []
    nested: list[str] = []
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        if isinstance(value, BaseModel):
            nested += _section(value, (*path, key))
            continue
        if field.description:
            plain.append(f"# {field.description}")
        plain.append(f"{key} = {_literal(value)}" if value is not None else f"# {key} =")
    heading = [f"\n[{'.'.join(path)}]"] if path and plain else []
    return heading + plain + nested


def _literal(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_literal(item) for item in value)}]"
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False)
    return json.dumps(value)
